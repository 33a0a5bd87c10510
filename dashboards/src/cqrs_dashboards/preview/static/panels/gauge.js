// Panels "gauge" (an arc) and "bargauge" (bars).

import { draw } from "../chart.js";
import { element } from "../dom.js";
import { thresholdSteps } from "../fields.js";
import { rgba } from "../colors.js";
import { isNumber } from "../frames.js";
import { openWith } from "../menu.js";
import { themeColor } from "../theme.js";
import { gaugeBounds, reducedValues } from "./single.js";

export function drawGauge(body, panel, frames, context) {
  const singles = reducedValues(panel, frames);
  if (!singles.some(({ value }) => isNumber(value))) return false;
  const tiles = singles.map((single) => openWith(element("div", { class: "gauge" },
    element("div", { class: "plot" }), element("span", { class: "value", style: { "--color": single.color } }, single.text),
    singles.length > 1 ? element("span", { class: "name", title: single.name }, single.name) : null), single.name, context.linksOf(single.field, single)));
  body.replaceChildren(element("div", { class: "tiles auto", style: { "--tiles": tiles.length } }, ...tiles));
  tiles.forEach((tile, index) => arc(tile.querySelector(".plot"), singles[index], panel.options));
  return true;
}

function arc(plot, { field, value, color }, { showThresholdMarkers = true } = {}) {
  const { low, high } = gaugeBounds(field);
  const steps = thresholdSteps(field.config);
  const inside = (at) => Math.min(Math.max(at, low), high);
  draw(plot, [{
    type: "indicator", mode: "gauge", value: inside(isNumber(value) ? value : low), domain: { x: [0.04, 0.96], y: [0.05, 0.95] },
    gauge: {
      axis: { range: [low, high], visible: false }, bar: { color, thickness: 0.7 }, bgcolor: themeColor("grid"), borderwidth: 0,
      steps: showThresholdMarkers ? steps.map(({ value: from, color: each }, index) => ({ range: [inside(from), inside(steps[index + 1]?.value ?? high)], color: rgba(each, 0.35), thickness: 1 })) : [],
    },
  }], { margin: { l: 4, r: 4, t: 4, b: 4 } });
}

export function drawBarGauge(body, panel, frames, context) {
  const singles = reducedValues(panel, frames);
  if (!singles.some(({ value }) => isNumber(value))) return false;
  const vertical = panel.options?.orientation === "vertical";
  const bars = singles.map(({ field, name, value, text, color }) => {
    const { low, high } = barBounds(field, singles);
    const share = isNumber(value) ? Math.min(Math.max((value - low) / (high - low || 1), 0), 1) : 0;
    const bar = element("div", { class: "bar-row", style: { "--share": share, "--color": color } },
      element("span", { class: "name", title: name }, name), element("span", { class: "track" }, element("i")), element("span", { class: "value" }, text));
    return openWith(bar, name, context.linksOf(field, { value, text }));
  });
  body.replaceChildren(element("div", { class: vertical ? "bars vertical" : "bars" }, ...bars));
  return true;
}

// Without a maximum of its own a bar is as long as its share in the longest.
function barBounds(field, singles) {
  const { low, high } = gaugeBounds(field);
  if (isNumber(field.config.max) || field.config.unit === "percentunit") return { low, high };
  return { low, high: Math.max(...singles.map(({ value }) => (isNumber(value) ? value : 0))) || 1 };
}
