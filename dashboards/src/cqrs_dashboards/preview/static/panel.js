// One panel: its frame on the page, its queries, its state (loading, drawn, empty or error).

import { queryInstant, queryRange } from "./api.js";
import { element } from "./dom.js";
import { fetchExemplars } from "./exemplars.js";
import { applyFieldConfig } from "./fields.js";
import { toFrames } from "./frames.js";
import { hideTooltip, showDescription } from "./hover.js";
import { interpolate } from "./interpolate.js";
import { dataScope, resolveLinks } from "./links.js";
import { anchor } from "./menu.js";
import { align, formatDuration, interval, parseDuration } from "./time.js";
import { transform } from "./transformations.js";
import { drawBarGauge, drawGauge } from "./panels/gauge.js";
import { drawHeatmap } from "./panels/heatmap.js";
import { drawBarChart, drawHistogram, drawPieChart } from "./panels/shares.js";
import { drawStat } from "./panels/stat.js";
import { drawStateTimeline } from "./panels/state_timeline.js";
import { drawTable } from "./panels/table.js";
import { drawTimeseries } from "./panels/timeseries.js";

const DRAW = {
  timeseries: drawTimeseries, stat: drawStat, gauge: drawGauge, bargauge: drawBarGauge, heatmap: drawHeatmap, table: drawTable,
  "state-timeline": drawStateTimeline, piechart: drawPieChart, barchart: drawBarChart, histogram: drawHistogram,
};
const NO_DATA = "No data";

export class Panel {
  // `model` is Grafana's; `scope` holds the values of a repeated row or panel.
  constructor(model, scope, page) {
    Object.assign(this, { model, scope, page, state: {}, frames: null, exemplars: [] });
    this.heading = element("h3", {}, model.title);
    const info = element("button", { type: "button", class: "info", "aria-label": "Description", onmouseenter: () => this.describe(info), onfocus: () => this.describe(info), onmouseleave: hideTooltip, onblur: hideTooltip }, "i");
    this.links = element("span", { class: "links" });
    this.body = element("div", { class: "body" });
    const { x = 0, y = 0, w = 24, h = 8 } = model.gridPos ?? {};
    this.element = element("section", {
      class: `panel ${w <= 6 ? "narrow" : ""} ${model.transparent ? "transparent" : ""}`, dataset: { panelId: model.id, kind: model.type, state: "loading" },
      style: { "--x": x + 1, "--y": y + 1, "--w": w, "--h": h },
    }, element("header", {}, this.heading, model.description ? info : null, this.links), this.body);
  }

  describe(anchor) {
    showDescription(interpolate(this.model.description, this.values(), "text"), anchor);
  }

  values(builtins = {}) {
    return { ...this.page.values, ...this.scope, ...builtins };
  }

  // Asks and draws; errors become the panel's text.
  async refresh(signal, annotations) {
    this.heading.textContent = interpolate(this.model.title ?? "", this.values(), "text");
    this.links.replaceChildren(...resolveLinks(this.model.links, this.linkContext()).map(anchor));
    try {
      if (this.model.type === "text") return this.drawText();
      if (!(this.model.type in DRAW)) throw new Error(`the preview does not draw panels of the type ${this.model.type}`);
      [this.frames] = await Promise.all([this.fetch(signal), annotations]);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.frames = null;
      return this.say("error", error.message);
    }
    this.draw();
  }

  async fetch(signal) {
    const range = this.page.range;
    const targets = (this.model.targets ?? []).filter(({ hide, expr }) => !hide && expr);
    const exemplars = [];
    const answers = await Promise.all(targets.map(async (target) => {
      const own = parseDuration(interpolate(target.interval || this.model.interval || "", this.values()).replace(/^>/, ""));
      // A cell of a heatmap needs some pixels, a point of a line one.
      const width = Math.max(this.body.clientWidth, 100) / (this.model.type === "heatmap" ? 5 : 1);
      const points = Math.min(this.model.maxDataPoints ?? width, width);
      const step = interval(range.to - range.from, points, own ?? this.page.leastStep) * (target.intervalFactor ?? 1);
      const grid = align(range, step);
      const query = interpolate(target.expr, this.values(stepBuiltins(step, own ?? this.page.scrape)));
      const isOnlyTarget = targets.length === 1;
      exemplars.push(fetchExemplars(target, query, range, signal));
      if (target.instant) return toFrames(target, await queryInstant(query, range, signal), null, isOnlyTarget);
      return toFrames(target, await queryRange(query, grid, signal), grid, isOnlyTarget);
    }));
    this.exemplars = (await Promise.all(exemplars)).flat();
    return applyFieldConfig(transform(answers.flat(), this.model.transformations), this.model.fieldConfig);
  }

  draw() {
    if (this.model.type === "text" || !this.frames) return;
    try {
      // A chart measures its room, so the text of an earlier state goes first.
      if (this.element.dataset.state !== "drawn") this.body.replaceChildren();
      const drawn = DRAW[this.model.type](this.body, this.model, this.frames, this.context());
      if (drawn) this.element.dataset.state = "drawn";
      else this.say("empty", this.model.fieldConfig?.defaults?.noValue ?? NO_DATA);
    } catch (error) {
      this.say("error", error.message);
    }
  }

  context() {
    const { range, annotations, zoom, sharedHover } = this.page;
    const { exemplars, state } = this;
    return { range, annotations, zoom, sharedHover, exemplars, state, redraw: () => this.draw(), linksOf: (...value) => this.linksOf(...value) };
  }

  linkContext() {
    return { values: this.values(), query: this.page.parameters(), dashboards: this.page.dashboards };
  }

  // The data links of a field at one value: {value, text, at}; `cells` are its row's.
  linksOf(field, value, cells) {
    return resolveLinks(field.config.links, this.linkContext(), dataScope(field, value, cells));
  }

  drawText() {
    const { mode = "markdown", content = "" } = this.model.options ?? {};
    const text = element("div", { class: "text" });
    // HTML of the server's Markdown renderer, which escapes; anything else stays text.
    if (mode === "markdown") text.innerHTML = this.page.texts[this.model.id] ?? "";
    else text.append(element("pre", {}, content));
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) walker.currentNode.data = interpolate(walker.currentNode.data, this.values(), "text");
    this.body.replaceChildren(text);
    this.element.dataset.state = "drawn";
  }

  say(state, text) {
    this.element.dataset.state = state;
    this.body.replaceChildren(element("p", { class: state, role: state === "error" ? "alert" : null }, text));
  }
}

// Macros of a target's step, as values for interpolate(). `scrape` is the interval of its samples.
export function stepBuiltins(step, scrape) {
  // Grafana: at least four scrapes, so that rate() always sees two samples.
  return durations({ __interval: step, __rate_interval: Math.max(step + scrape, 4 * scrape) });
}

export function durations(values) {
  return Object.fromEntries(Object.entries(values).flatMap(([name, ms]) => [
    [name, builtin(formatDuration(ms))], [`${name}_ms`, builtin(ms)], [`${name}_s`, builtin(Math.round(ms / 1000))],
  ]));
}

export function builtin(value) {
  return { values: [String(value)], multi: false };
}
