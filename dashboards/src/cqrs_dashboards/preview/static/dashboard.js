// The page of one dashboard: reads Grafana's JSON, keeps variables and time in the address, refreshes.

import { annotationToggles, fetchAnnotations, readAnnotations } from "./annotations.js";
import { getJson } from "./api.js";
import { element } from "./dom.js";
import { hideTooltip } from "./hover.js";
import { resolveLinks } from "./links.js";
import { anchor, initMenu } from "./menu.js";
import { Panel, builtin, durations } from "./panel.js";
import { drawSection, toSections } from "./sections.js";
import { initTheme } from "./theme.js";
import { QUICK_RANGES, formatTime, parseDuration, parseTime } from "./time.js";
import { drawControls, loadOptions, readVariables, variableValues } from "./variables.js";

const REFRESHES = ["", "5s", "10s", "30s", "1m", "5m"];
const SHARED_CROSSHAIR = 1;
const byId = (id) => document.getElementById(id);

class Page {
  constructor(dashboard, settings, texts, dashboards) {
    const parameters = new URLSearchParams(location.search);
    Object.assign(this, { dashboard, texts, dashboards, annotations: [], annotationQueries: readAnnotations(dashboard), sections: [], openRows: new Map() });
    this.leastStep = settings.stepSeconds * 1000;
    this.scrape = settings.scrapeSeconds * 1000;
    this.from = parameters.get("from") ?? dashboard.time?.from ?? "now-1h";
    this.to = parameters.get("to") ?? dashboard.time?.to ?? "now";
    this.refreshEvery = parameters.get("refresh") ?? (dashboard.refresh || "");
    this.variables = readVariables(dashboard, parameters);
    this.sharedHover = (dashboard.graphTooltip ?? 0) >= SHARED_CROSSHAIR;
    this.zoom = (from, to) => this.setRange(String(Math.round(from)), String(Math.round(to)));
  }

  get range() {
    return this.instant ??= this.resolveRange();
  }

  resolveRange() {
    const now = Date.now();
    const from = parseTime(this.from, now), to = parseTime(this.to, now);
    if (from === null || to === null || from >= to) throw new Error(`from=${this.from} to=${this.to} is not a range of time; write it as from=now-1h&to=now`);
    return { from, to };
  }

  get values() {
    const { from, to } = this.range;
    return { ...variableValues(this.variables), ...durations({ __range: to - from }), __from: builtin(from), __to: builtin(to), __dashboard: builtin(this.dashboard.title) };
  }

  setRange(from, to) {
    [this.from, this.to] = [from, to];
    this.changed();
  }

  changed() {
    const parameters = this.parameters();
    const { theme } = Object.fromEntries(new URLSearchParams(location.search));
    if (theme) parameters.set("theme", theme);
    history.replaceState(null, "", `?${parameters}`);
    this.drawBar();
    this.refresh();
  }

  parameters() {
    const parameters = new URLSearchParams({ from: this.from, to: this.to, refresh: this.refreshEvery });
    for (const { model, values } of this.variables) {
      if (model.type !== "datasource") for (const value of values) parameters.append(`var-${model.name}`, value);
    }
    return parameters;
  }

  drawBar() {
    byId("title").textContent = this.dashboard.title;
    document.title = this.dashboard.title;
    const quick = QUICK_RANGES.map((each) => element("option", { value: `now-${each}`, selected: this.to === "now" && this.from === `now-${each}` }, `Last ${each}`));
    if (this.to !== "now" || !QUICK_RANGES.includes(this.from.replace("now-", ""))) {
      const name = (text) => (/^\d+$/.test(text) ? formatTime(Number(text)) : text);
      quick.unshift(element("option", { value: "", selected: true }, `${name(this.from)} to ${name(this.to)}`));
    }
    byId("range").replaceChildren(...quick);
    const refreshes = [...new Set([...REFRESHES, this.refreshEvery])];
    byId("refresh").replaceChildren(...refreshes.map((each) => element("option", { value: each, selected: each === this.refreshEvery }, each ? `every ${each}` : "no refresh")));
    byId("links").replaceChildren(...this.links());
  }

  links() {
    return (this.dashboard.links ?? []).flatMap((link) => {
      const parameters = this.parameters();
      for (const key of [...parameters.keys()]) {
        if (key.startsWith("var-") ? !link.includeVars : !link.keepTime) parameters.delete(key);
      }
      const query = parameters.size ? `?${parameters}` : "";
      const target = link.targetBlank ? "_blank" : null;
      if (link.type === "link") {
        const address = query ? `${link.url}${link.url.includes("?") ? "&" : "?"}${parameters}` : link.url;
        return resolveLinks([{ ...link, url: address }], { values: this.values, query: this.parameters(), dashboards: this.dashboards }).map(anchor);
      }
      return this.dashboards.filter(({ tags }) => (link.tags ?? []).every((tag) => (tags ?? []).includes(tag))).map(({ uid, title }) =>
        element("a", { href: `/d/${encodeURIComponent(uid)}${query}`, target, "aria-current": uid === this.dashboard.uid ? "page" : null }, title));
    });
  }

  // Everything anew; a refresh that is still under way is given up.
  async refresh() {
    this.aborting?.abort();
    clearTimeout(this.timer);
    const { signal } = (this.aborting = new AbortController());
    this.instant = null;
    document.body.dataset.ready = "false";
    try {
      await this.load(signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      fail(error.message);
    }
    if (signal.aborted) return;
    document.body.dataset.height = Math.ceil(document.documentElement.scrollHeight);
    document.body.dataset.ready = "true";
    const pause = parseDuration(this.refreshEvery);
    if (pause) this.timer = setTimeout(() => this.refresh(), pause);
  }

  async load(signal) {
    fail(null);
    await loadOptions(this.variables, this.range, durations({ __range: this.range.to - this.range.from }), signal);
    drawControls(byId("variables"), this.variables, () => this.changed());
    this.layOut();
    const asked = fetchAnnotations(this.annotationQueries, this.values, this.range, this.leastStep, signal).then((found) => {
      this.annotations = found;
      byId("annotations").replaceChildren(...annotationToggles(this.annotationQueries, () => this.refresh()));
    });
    // Beside the panels' own questions; none is drawn before its annotations are known.
    await Promise.all([asked, ...this.visiblePanels().map((panel) => panel.refresh(signal, asked))]);
  }

  // Rows and panels on the page; made again only when repeating has changed them.
  layOut() {
    const sections = toSections(this.dashboard.panels, this.values);
    const shape = JSON.stringify(sections.map(({ row, scope, panels }) => [row?.id, scope, panels.map(({ model, scope: own }) => [model.id, own])]));
    if (shape === this.shape) return;
    this.shape = shape;
    this.sections = sections.map((section) => {
      const panels = section.panels.map(({ model, scope }) => new Panel(model, scope, this));
      const key = JSON.stringify([section.row?.id, section.scope]);
      const open = this.openRows.get(key) ?? !section.row?.collapsed;
      const made = { panels, open };
      made.element = drawSection({ ...section, open }, panels, this.values, (isOpen) => {
        this.openRows.set(key, (made.open = isOpen));
        if (isOpen) this.refresh();
        else document.body.dataset.height = Math.ceil(document.documentElement.scrollHeight);
      });
      return made;
    });
    byId("panels").replaceChildren(...this.sections.map((section) => section.element));
  }

  visiblePanels() {
    return this.sections.filter(({ open }) => open).flatMap(({ panels }) => panels);
  }

  redraw() {
    hideTooltip();
    for (const panel of this.visiblePanels()) panel.draw();
  }
}

function fail(message) {
  byId("failure").textContent = message ?? "";
  byId("failure").hidden = !message;
}

async function start() {
  const path = `/api/dashboards/${location.pathname.split("/").pop()}`;
  const [dashboard, settings, texts, dashboards] = await Promise.all(
    [path, "/api/settings", `${path}/texts`, "/api/dashboards"].map((each) => getJson(each)));
  const page = new Page(dashboard, settings, texts, dashboards);
  initTheme(byId("theme"), () => page.redraw());
  byId("range").addEventListener("change", ({ target }) => target.value && page.setRange(target.value, "now"));
  byId("refresh").addEventListener("change", ({ target }) => { page.refreshEvery = target.value; page.changed(); });
  byId("now").addEventListener("click", () => page.refresh());
  byId("variables").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", ({ target }) => {
    for (const open of document.querySelectorAll("#variables details[open]")) if (!open.contains(target)) open.open = false;
  });
  let width = innerWidth, timer;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (innerWidth !== width) { width = innerWidth; page.redraw(); } }, 150);
  });
  initMenu();
  page.drawBar();
  await page.refresh();
}

start().catch((error) => {
  fail(error.message);
  document.body.dataset.ready = "true";
});
