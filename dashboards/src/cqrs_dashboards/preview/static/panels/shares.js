// Panels "piechart", "barchart" and "histogram".

import { BOTTOM, EDGE, TOP, draw, nameAxis, valueAxis } from "../chart.js";
import { element, plotlyText } from "../dom.js";
import { fieldText, seriesColor } from "../fields.js";
import { displayName, isNumber, rowCount, series } from "../frames.js";
import { hideTooltip, showTooltip } from "../hover.js";
import { drawLegend } from "../legend.js";
import { reducedValues } from "./single.js";

export function drawPieChart(body, panel, frames) {
  const slices = reducedValues(panel, frames).filter(({ value }) => isNumber(value) && value > 0)
    .map((slice) => ({ ...slice, color: seriesColor(slice.field) }));
  if (!slices.length) return false;
  const plot = element("div", { class: "plot" });
  const legend = drawLegend({ displayMode: "list", ...panel.options?.legend, calcs: panel.options?.legend?.values?.includes("value") ? ["lastNotNull"] : [] }, slices, () => {});
  body.classList.toggle("legend-right", panel.options?.legend?.placement === "right");
  body.replaceChildren(plot, ...(legend ? [legend] : []));
  const shown = panel.options?.displayLabels ?? ["percent"];
  const info = [["name", "label"], ["value", "text"], ["percent", "percent"]].filter(([name]) => shown.includes(name)).map(([, name]) => name);
  draw(plot, [{
    type: "pie", labels: slices.map(({ name }) => plotlyText(name)), values: slices.map(({ value }) => value), text: slices.map(({ text }) => plotlyText(text)),
    marker: { colors: slices.map(({ color }) => color) }, hole: panel.options?.pieType === "donut" ? 0.55 : 0, sort: false,
    textinfo: info.join("+") || "none", hoverinfo: "none",
  }], { margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "closest" });
  plot.on("plotly_hover", ({ points: [{ pointNumber }], event }) => showTooltip(slices[pointNumber].name, [{ ...slices[pointNumber], name: "" }], event));
  plot.on("plotly_unhover", hideTooltip);
  return true;
}

export function drawBarChart(body, panel, frames) {
  const [frame] = frames;
  const names = frame?.fields.find(({ type }) => type === "string") ?? frame?.fields.find(({ type }) => type === "time");
  const numbers = frame?.fields.filter(({ type }) => type === "number") ?? [];
  if (!names || !rowCount(frame) || !numbers.some(({ values }) => values.some(isNumber))) return false;
  const plot = element("div", { class: "plot" });
  const legend = drawLegend(panel.options?.legend, numbers.map((field) => ({ name: displayName(field), color: seriesColor(field), field })), () => {});
  body.replaceChildren(plot, ...(legend ? [legend] : []));
  const labels = names.values.map((value) => fieldText(names, value));
  const stacked = ["normal", "percent"].includes(panel.options?.stacking);
  const horizontal = panel.options?.orientation === "horizontal";
  const { config } = numbers[0];
  const totals = labels.map((_, row) => numbers.map(({ values }) => values[row] ?? 0)).map((row) => (stacked ? row.reduce((a, b) => a + b) : Math.max(...row)));
  const high = panel.options?.stacking === "percent" ? 100 : (config.max ?? (Math.max(...totals) * 1.06 || 1));
  const unit = panel.options?.stacking === "percent" ? "percent" : config.unit;
  const values = valueAxis(plot, { low: config.min ?? Math.min(0, ...totals), high, unit, decimals: config.decimals });
  const bands = nameAxis(plot, labels);
  const traces = numbers.map((field) => {
    const along = labels.map((_, index) => index);
    return { type: "bar", orientation: horizontal ? "h" : "v", [horizontal ? "y" : "x"]: along, [horizontal ? "x" : "y"]: field.values, marker: { color: seriesColor(field) }, hoverinfo: "none" };
  });
  const namesAxis = horizontal ? bands.axis : { ...bands.axis, range: [-0.5, labels.length - 0.5], tickangle: "auto" };
  draw(plot, traces, {
    margin: { l: horizontal ? bands.room : values.room, r: EDGE, t: TOP, b: horizontal ? BOTTOM : Math.min(80, BOTTOM + (labels.length > 6 ? 40 : 0)) },
    barmode: stacked ? "stack" : "group", barnorm: panel.options?.stacking === "percent" ? "percent" : "",
    hovermode: "closest", [horizontal ? "yaxis" : "xaxis"]: namesAxis, [horizontal ? "xaxis" : "yaxis"]: values.axis,
  });
  plot.on("plotly_hover", ({ points: [point], event }) => {
    const row = point.pointNumber;
    showTooltip(labels[row], numbers.map((field) => ({ name: displayName(field), text: fieldText(field, field.values[row]), color: seriesColor(field) })), event);
  });
  plot.on("plotly_unhover", hideTooltip);
  return true;
}

export function drawHistogram(body, panel, frames) {
  const all = series(frames).map((each) => ({ ...each, color: seriesColor(each.field), numbers: each.field.values.filter(isNumber) }));
  if (!all.some(({ numbers }) => numbers.length)) return false;
  const values = all.flatMap(({ numbers }) => numbers);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const size = panel.options?.bucketSize ?? ((high - low) / (panel.options?.bucketCount ?? 30) || 1);
  const count = (numbers, index) => numbers.filter((value) => Math.min(Math.floor((value - low) / size), buckets - 1) === index).length;
  const buckets = Math.max(1, Math.ceil((high - low) / size));
  const heights = all.map(({ numbers }) => Array.from({ length: buckets }, (_, index) => count(numbers, index)));
  const plot = element("div", { class: "plot" });
  const legend = drawLegend(panel.options?.legend, all, () => {});
  body.replaceChildren(plot, ...(legend ? [legend] : []));
  const vertical = valueAxis(plot, { low: 0, high: Math.max(...heights.flat()) * 1.06, unit: "short", decimals: 0 });
  const { unit, decimals } = all[0].field.config;
  const { axis } = valueAxis(plot, { low, high: low + buckets * size, unit, decimals, most: Math.floor(plot.clientWidth / 60) });
  const traces = heights.map((y, index) => ({ type: "bar", x: y.map((_, bucket) => low + (bucket + 0.5) * size), y, width: size, marker: { color: all[index].color }, hoverinfo: "none" }));
  draw(plot, traces, { margin: { l: vertical.room, r: EDGE, t: TOP, b: BOTTOM }, barmode: "overlay", bargap: 0.05, xaxis: axis, yaxis: vertical.axis });
  return true;
}
