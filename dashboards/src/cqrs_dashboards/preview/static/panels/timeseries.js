// Panel "timeseries": lines, areas, bars and points, stacked or not, with thresholds and legend.

import { annotationRows } from "../annotations.js";
import { BOTTOM, EDGE, SUNK, TOP, draw, timeAxis, valueAxis } from "../chart.js";
import { paletteColor, rgba } from "../colors.js";
import { element } from "../dom.js";
import { exemplarPoints, exemplarTrace } from "../exemplars.js";
import { fieldText, seriesColor } from "../fields.js";
import { isNumber, series } from "../frames.js";
import { nearest, registerChart } from "../hover.js";
import { drawLegend } from "../legend.js";
import { themeColor } from "../theme.js";
import { annotationShape, thresholdShapes } from "./shapes.js";

const SHAPES = { linear: "linear", smooth: "spline", stepBefore: "vh", stepAfter: "hv" };
const BARS = "bars", PERCENT = "percent";
const MOST_STRETCHES = 20; // more traces would slow the browser down

export function drawTimeseries(body, panel, frames, context) {
  const all = series(frames).filter(({ times, field }) => times && !field.config.custom?.hideFrom?.viz);
  if (!all.some(({ field }) => field.values.some(isNumber))) return false;
  const hidden = context.state.hidden ??= new Set();
  const entries = all.map((each) => ({ ...each, color: seriesColor(each.field), hidden: hidden.has(each.name) }));
  const shown = entries.filter((entry) => !entry.hidden);
  const toggle = (name, several) => {
    toggleSeries(hidden, entries.map((entry) => entry.name), name, several);
    context.redraw();
  };
  const legend = drawLegend(panel.options?.legend, entries.filter(({ field }) => !field.config.custom?.hideFrom?.legend), toggle);
  const plot = body.querySelector(":scope > .plot") ?? element("div", { class: "plot" });
  body.classList.toggle("legend-right", panel.options?.legend?.placement === "right");
  body.replaceChildren(plot, ...(legend ? [legend] : []), ...body.querySelectorAll(":scope > .crosshair"));
  drawPlot(plot, panel, shown, context);
  return true;
}

// As in Grafana: a click shows one series alone, or all again; with Ctrl it hides that one.
function toggleSeries(hidden, names, name, several) {
  const alone = !hidden.has(name) && hidden.size === new Set(names).size - 1;
  if (several) {
    if (!hidden.delete(name)) hidden.add(name);
    return;
  }
  hidden.clear();
  if (!alone) for (const each of names) if (each !== name) hidden.add(each);
}

function drawPlot(plot, panel, shown, context) {
  const axes = groupByAxis(shown);
  const height = Math.max(plot.clientHeight - TOP - BOTTOM, 1);
  const limits = axes.map((each) => sunk(axisBounds(each), height));
  const built = limits.map((each, index) => valueAxis(plot, { ...each, grid: index === 0 }));
  const left = axes[0]?.right ? EDGE : (built[0]?.room ?? EDGE);
  const right = Math.max(EDGE, axes[0]?.right ? built[0].room : 0, built[1]?.room ?? 0);
  const layout = {
    margin: { l: left, r: right, t: TOP, b: BOTTOM }, dragmode: "zoom", barmode: "stack", bargap: 0.1,
    xaxis: timeAxis(plot, context.range, left, right), shapes: [...thresholdShapes(shown), ...context.annotations.map(annotationShape)],
  };
  built.forEach(({ axis }, index) => {
    const side = axes[index].right || index ? "right" : "left";
    layout[index ? "yaxis2" : "yaxis"] = { ...axis, side, ...(index ? { overlaying: "y" } : {}) };
  });
  const traces = axes.flatMap(({ members }, index) => members.flatMap((each) => stretchedTraces(each, members, index)));
  const share = (value, axis = 0) => heightOf(value, limits[axis] ?? { low: 0, high: 1 });
  const { exemplars } = context, own = themeColor("accent");
  // As in Grafana, one beyond the axis stands at its end.
  const inside = (value) => Math.min(Math.max(value, limits[0].low), limits[0].high);
  draw(plot, exemplars.length && limits.length ? [...traces, exemplarTrace(exemplars, inside, own)] : traces, layout);
  if (!plot.dataset.zoom) {
    plot.dataset.zoom = "true";
    plot.on("plotly_relayout", (change) => {
      const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (isNumber(from) && isNumber(to)) context.zoom(from, to);
    });
  }
  registerChart({
    plot, left, right, top: TOP, bottom: BOTTOM, from: context.range.from, to: context.range.to, shared: context.sharedHover,
    rows: (time) => tooltipRows(panel, shown, context, time),
    points: limits.length ? exemplarPoints(exemplars, share, (value) => fieldText({ ...shown[0].field, type: "number" }, value), own) : [],
    linksAt: (time, up) => {
      const under = nearestSeries(axes, time, up, share);
      return under ? { title: `${under.name}: ${under.text}`, links: context.linksOf(under.field, under) } : { links: [] };
    },
  });
}

function heightOf(value, { low, high, log }) {
  const place = log ? Math.log10 : (each) => each;
  return Math.min(Math.max((place(value) - place(low)) / (place(high) - place(low)), 0), 1);
}

// The series whose line is closest to the mouse; stacked ones stand on those below them.
function nearestSeries(axes, time, up, share) {
  const sums = new Map();
  const found = axes.flatMap(({ members }, axis) => members.map((each) => {
    const { field, times, name } = each, index = nearest(times, time), value = field.values[index];
    if (!isNumber(value)) return null;
    const key = `${axis} ${stacking(each).group}`, top = isStacked(each) ? (sums.get(key) ?? 0) + value : value;
    if (isStacked(each)) sums.set(key, top);
    return { field, name, value, at: times[index], text: fieldText(field, value), distance: Math.abs(share(top, axis) - up) };
  }));
  return found.filter(Boolean).sort((a, b) => a.distance - b.distance)[0] ?? null;
}

// Grafana gives each unit an axis, the first on the left; here two are enough.
function groupByAxis(shown) {
  const axes = [];
  for (const each of shown) {
    const { unit = "none", custom = {} } = each.field.config;
    const right = custom.axisPlacement === "right";
    const found = axes.find((axis) => axis.unit === unit && axis.right === right) ?? (axes.length > 1 ? axes[1] : null);
    if (found) found.members.push(each);
    else axes.push({ unit, right, members: [each] });
  }
  return axes.sort((a, b) => a.right - b.right);
}

const stacking = ({ field }) => field.config.custom?.stacking ?? {};
const isBars = ({ field }) => field.config.custom?.drawStyle === BARS;
const isStacked = (each) => ["normal", PERCENT].includes(stacking(each).mode);

function axisBounds({ members, unit }) {
  const { config } = members[0].field;
  const { min, max, decimals, custom = {} } = config;
  if (members.every((each) => stacking(each).mode === PERCENT)) return { low: 0, high: 100, unit: "percent", label: custom.axisLabel };
  const values = bounds(members);
  const log = custom.scaleDistribution?.type === "log";
  const lowest = Math.min(...values, custom.axisSoftMin ?? Infinity, members.some(isBars) ? 0 : Infinity);
  const highest = Math.max(...values, custom.axisSoftMax ?? -Infinity);
  let low = isNumber(min) ? min : isNumber(lowest) ? lowest : 0;
  let high = isNumber(max) ? max : isNumber(highest) ? highest : 1;
  if (log) return { low: Math.max(low, high / 1e6, Number.MIN_VALUE), high: high * 1.1, unit, decimals, label: custom.axisLabel, log };
  if (!(high > low)) high = low + (unit === "percentunit" ? 0.1 : Math.abs(low) * 0.1 || 1);
  const pad = (high - low) * 0.06;
  if (!isNumber(min) && low !== 0) low -= pad;
  if (!isNumber(max)) high += pad;
  return { low, high, unit, decimals, label: custom.axisLabel };
}

// A line at 0 lies above the frame of the chart and not under it.
function sunk(limits, height) {
  return limits.low === 0 && !limits.log ? { ...limits, low: -limits.high * SUNK / height } : limits;
}

function bounds(members) {
  const sums = new Map(), values = [];
  for (const each of members) {
    each.field.values.forEach((value, index) => {
      if (!isNumber(value)) return;
      if (!isStacked(each)) return values.push(value);
      const key = `${stacking(each).group} ${Math.sign(value)} ${each.times[index]}`;
      sums.set(key, (sums.get(key) ?? 0) + value);
    });
  }
  return [Math.min(...values, ...sums.values()), Math.max(...values, ...sums.values())];
}

// Plotly fills under gaps, and takes a missing sample in a stack for zero. So each stretch between
// gaps (of the whole stack, where there is one) is a trace of its own.
function stretchedTraces(each, members, axis) {
  const whole = trace(each, axis);
  if (isBars(each) || whole.fill === "none" || whole.connectgaps) return [whole];
  const stack = isStacked(each) ? members.filter((other) => isStacked(other) && stacking(other).group === stacking(each).group) : [each];
  const present = new Set(stack.flatMap(({ times, field }) => times.filter((_, index) => isNumber(field.values[index]))));
  const stretches = [[]];
  each.times.forEach((at, index) => (present.has(at) ? stretches.at(-1).push(index) : stretches.at(-1).length && stretches.push([])));
  if (stretches.length > MOST_STRETCHES) return [whole];
  return stretches.filter(({ length }) => length).map((indexes, number) => {
    const pick = (values) => indexes.map((index) => values[index]);
    return { ...whole, x: pick(whole.x), y: pick(whole.y), ...(whole.stackgroup ? { stackgroup: `${whole.stackgroup} ${number}` } : {}) };
  });
}

function trace(each, axis) {
  const { field, times, color } = each;
  const custom = field.config.custom ?? {};
  const shared = { x: times, y: field.values.map((value) => (isNumber(value) ? value : null)), yaxis: axis ? "y2" : "y", hoverinfo: "none" };
  if (isBars(each)) {
    return { ...shared, type: "bar", marker: { color: rgba(color, (custom.fillOpacity ?? 80) / 100), line: { color, width: custom.lineWidth ?? 1 } } };
  }
  const fill = (custom.fillOpacity ?? 0) / 100;
  const points = custom.drawStyle === "points" || custom.showPoints === "always" || isolated(shared.y);
  return {
    ...shared, type: "scatter", mode: [custom.drawStyle === "points" ? null : "lines", points ? "markers" : null].filter(Boolean).join("+"),
    line: { color, width: custom.lineWidth ?? 1, shape: SHAPES[custom.lineInterpolation] ?? "linear", dash: custom.lineStyle?.fill === "dash" ? "dash" : custom.lineStyle?.fill === "dot" ? "dot" : "solid" },
    marker: { color, size: custom.pointSize ?? 5 }, connectgaps: custom.spanNulls === true,
    ...(isStacked(each)
      ? { stackgroup: `${axis} ${stacking(each).group}`, groupnorm: stacking(each).mode === PERCENT ? PERCENT : "", fillcolor: rgba(color, fill) }
      : { fill: fill ? "tozeroy" : "none", fillcolor: rgba(color, fill) }),
  };
}

// A lone sample has no line; without a point it would be invisible.
function isolated(values) {
  return values.some((value, index) => isNumber(value) && !isNumber(values[index - 1]) && !isNumber(values[index + 1]));
}

function tooltipRows(panel, shown, { annotations, range }, time) {
  const { mode = "multi", sort = "none" } = panel.options?.tooltip ?? {};
  const near = (range.to - range.from) / 100;
  const events = annotationRows(annotations, time, near);
  if (mode === "none") return events;
  const rows = shown.map(({ field, times, name, color }) => ({ name, color, value: field.values[nearest(times, time)], field }))
    .filter(({ value }) => isNumber(value));
  if (sort !== "none") rows.sort((a, b) => (sort === "desc" ? b.value - a.value : a.value - b.value));
  return [...rows.map((row) => ({ ...row, text: fieldText(row.field, row.value), color: row.color ?? paletteColor(0) })), ...events];
}
