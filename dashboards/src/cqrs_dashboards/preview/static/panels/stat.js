// Panel "stat": large values, with a sparkline where the query has a range.

import { draw } from "../chart.js";
import { rgba } from "../colors.js";
import { element } from "../dom.js";
import { isNumber } from "../frames.js";
import { openWith } from "../menu.js";
import { reducedValues } from "./single.js";

export function drawStat(body, panel, frames, context) {
  const singles = reducedValues(panel, frames);
  if (!singles.some(({ value }) => value !== null && value !== undefined)) return false;
  const { textMode = "auto", colorMode = "value", graphMode = "none", orientation = "auto" } = panel.options ?? {};
  const tiles = singles.map((single) => {
    const named = textMode === "value_and_name" || textMode === "name" || (textMode === "auto" && singles.length > 1);
    const filled = colorMode.startsWith("background");
    const tile = element("div", { class: filled ? "stat filled" : "stat", style: { "--color": colorMode === "none" ? "var(--text)" : single.color } },
      named ? element("span", { class: "name", title: single.name }, single.name) : null,
      textMode === "name" || textMode === "none" ? null : element("span", { class: "value", style: { "--letters": Math.max(single.text.length, 4) } }, single.text));
    openWith(tile, single.name, context.linksOf(single.field, single));
    return { tile, single };
  });
  body.replaceChildren(element("div", { class: `tiles ${orientation}`, style: { "--tiles": tiles.length } }, ...tiles.map(({ tile }) => tile)));
  if (graphMode === "area") for (const { tile, single } of tiles) sparkline(tile, single, colorMode.startsWith("background"));
  return true;
}

function sparkline(tile, { field, color: own }, filled) {
  const color = filled ? "#ffffff" : own;
  const values = field.values.map((value) => (isNumber(value) ? value : null));
  if (values.filter(isNumber).length < 2) return;
  const plot = element("div", { class: "sparkline" });
  tile.append(plot);
  const hidden = { visible: false, fixedrange: true };
  draw(plot, [{ type: "scatter", mode: "lines", y: values, line: { color, width: 1 }, fill: "tozeroy", fillcolor: rgba(color, 0.2), hoverinfo: "none" }],
    { margin: { l: 0, r: 0, t: 2, b: 0 }, xaxis: hidden, yaxis: { ...hidden, rangemode: "tozero" } });
}
