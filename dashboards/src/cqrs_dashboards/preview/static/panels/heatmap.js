// Panel "heatmap" of Prometheus' classic buckets: cumulative series by `le` become bands.

import { BOTTOM, EDGE, TOP, draw, timeAxis } from "../chart.js";
import { colorScale } from "../colors.js";
import { element, plotlyText } from "../dom.js";
import { exemplarPoints, exemplarTrace } from "../exemplars.js";
import { isNumber, series } from "../frames.js";
import { nearest, registerChart } from "../hover.js";
import { formatValue } from "../units.js";
import { themeColor } from "../theme.js";

export function drawHeatmap(body, panel, frames, context) {
  if (panel.options?.calculate) throw new Error("the preview draws heatmaps of buckets, not calculated ones");
  const bands = toBands(series(frames));
  const least = panel.options?.filterValues?.le ?? -Infinity;
  const cells = bands.map(({ values }) => values.map((value) => (isNumber(value) && value > least ? value : null)));
  if (!bands.length || !bands.some(({ values }) => values.some(isNumber))) return false;
  const plot = body.querySelector(":scope > .plot") ?? element("div", { class: "plot" });
  body.replaceChildren(plot, ...body.querySelectorAll(":scope > .crosshair"));

  const unit = panel.options?.yAxis?.unit ?? panel.fieldConfig?.defaults?.unit ?? "short";
  const decimals = panel.options?.yAxis?.decimals;
  const texts = bands.map(({ bound }) => (bound === Infinity ? "+Inf" : formatValue(bound, unit, decimals)));
  const left = Math.max(...texts.map((text) => text.length)) * 6.6 + 10;
  const every = Math.ceil(bands.length / Math.max(2, Math.floor((plot.clientHeight - TOP - BOTTOM) / 16)));
  const ticks = bands.map((_, index) => index).filter((index) => (bands.length - 1 - index) % every === 0);
  const { times } = bands[0];
  const step = times.length > 1 ? times[1] - times[0] : context.range.to - context.range.from;
  const cellWidth = ((plot.clientWidth - left - 64) * step) / (context.range.to - context.range.from);
  const gap = cellWidth < 3 ? 0 : (panel.options?.cellGap ?? 1); // a gap must not eat the cell
  const legend = panel.options?.legend?.show !== false;
  const right = legend ? 64 : EDGE;
  const highest = cells.flat().reduce((most, value) => Math.max(most, value ?? 0), 0) || 1;
  const cellUnit = panel.options?.cellValues?.unit ?? panel.fieldConfig?.defaults?.unit ?? "short";
  const bounds = bands.map((band) => band.bound);
  const exemplarColor = panel.options?.exemplars?.color ?? themeColor("accent");
  const dots = context.exemplars.length ? [exemplarTrace(context.exemplars, (value) => bandPlace(value, bounds), exemplarColor)] : [];
  draw(plot, [{
    type: "heatmap", z: cells, x: times.map((at) => at - step / 2), y: bands.map((_, index) => index), hoverinfo: "none",
    colorscale: colorScale(panel.options?.color ?? {}), zmin: panel.options?.color?.min ?? 0, zmax: panel.options?.color?.max ?? highest,
    xgap: gap, ygap: gap, showscale: legend,
    colorbar: { thickness: 8, x: 1, xpad: 6, ypad: 0, outlinewidth: 0, ...scaleTicks(highest, cellUnit) },
  }, ...dots], {
    margin: { l: left, r: right, t: TOP, b: BOTTOM }, xaxis: { ...timeAxis(plot, context.range, left, right), showgrid: false, fixedrange: true },
    // A band's text stands at its upper bound, as in Grafana.
    yaxis: {
      range: [-0.5, bands.length - 0.5], fixedrange: true, showgrid: false, zeroline: false, ticks: "", tickmode: "array",
      tickvals: ticks.map((index) => index + 0.5), ticktext: ticks.map((index) => plotlyText(texts[index])),
    },
  });
  registerChart({
    plot, left, right, top: TOP, bottom: BOTTOM, from: context.range.from, to: context.range.to, shared: context.sharedHover,
    rows: (time, up) => {
      const index = Math.min(Math.floor(up * bands.length), bands.length - 1);
      const value = bands[index].values[nearest(times, time + step / 2)];
      const lower = index ? texts[index - 1] : "";
      return [{ name: `${lower} – ${texts[index]}`, text: formatValue(value, cellUnit), color: themeColor("text") }];
    },
    points: exemplarPoints(context.exemplars, (value) => (bandPlace(value, bounds) + 0.5) / bounds.length, (value) => formatValue(value, unit, decimals), exemplarColor),
  });
  return true;
}

// Band n is what is at most its bound and above the one before.
function toBands(all) {
  const sorted = all.map(({ field, times, name }) => ({ times, values: field.values, bound: bound(field.labels.le ?? name) }))
    .filter((each) => !Number.isNaN(each.bound)).sort((a, b) => a.bound - b.bound);
  return sorted.map((each, index) => ({
    ...each,
    values: each.values.map((value, at) => {
      const below = index ? sorted[index - 1].values[at] : 0;
      return isNumber(value) ? Math.max(0, value - (isNumber(below) ? below : 0)) : null;
    }),
  }));
}

// Where a value stands between the bounds of its band; bands are of equal height.
function bandPlace(value, bounds) {
  const index = bounds.findIndex((each) => value <= each);
  if (index < 0) return bounds.length - 0.5;
  const low = index ? bounds[index - 1] : Math.min(0, value), high = bounds[index];
  return index - 0.5 + (Number.isFinite(high) && high > low ? (value - low) / (high - low) : 0.5);
}

function bound(text) {
  return text === "+Inf" ? Infinity : Number(text);
}

function scaleTicks(highest, unit) {
  const values = [0, highest / 2, highest];
  return { tickmode: "array", tickvals: values, ticktext: values.map((value) => plotlyText(formatValue(value, unit))), tickfont: { size: 9, color: themeColor("text") } };
}
