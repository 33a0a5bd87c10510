// Data frames, Grafana's form of results: fields (columns) of equal length, one of them often time.
//
// Frame: {refId, fields}; field: {name, type: "time" | "number" | "string", values, labels,
// displayName}. Times are milliseconds; a number is null where Prometheus has no sample.

import { formatLegend } from "./interpolate.js";

// The frames of a target's answer. `grid` is {from, to, step}; null for an instant query.
export function toFrames(target, answer, grid, isOnlyTarget) {
  if (target.format === "table") return answer.length ? [tableFrame(target, answer, isOnlyTarget)] : [];
  return answer.map(({ labels, points }) => {
    const [times, values] = grid ? fillGrid(points, grid) : [points.map(([at]) => at), points.map(([, value]) => value)];
    const displayName = legend(target.legendFormat, labels, target.expr);
    const value = { name: "Value", type: "number", values, labels, displayName };
    return { refId: target.refId, fields: [{ name: "Time", type: "time", values: times, labels: {} }, value] };
  });
}

// Where a sample is missing a line has a gap, so missing samples become nulls.
function fillGrid(points, { from, to, step }) {
  const times = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) => from + index * step);
  const values = Array(times.length).fill(null);
  for (const [at, value] of points) values[Math.round((at - from) / step)] = value;
  return [times, values];
}

function legend(format, labels, expression) {
  if (format && format !== "__auto") return formatLegend(format, labels);
  const { __name__: name = "", ...rest } = labels;
  const inner = Object.entries(rest).map(([key, value]) => `${key}="${value}"`).join(", ");
  if (!name && !inner) return expression;
  return inner ? `${name}{${inner}}` : name;
}

// Table format: one row per series and sample, one column per label.
function tableFrame(target, answer, isOnlyTarget) {
  const names = [...new Set(answer.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const rows = answer.flatMap(({ labels, points }) => points.map(([at, value]) => ({ labels, at, value })));
  const strings = names.map((name) => ({ name, type: "string", values: rows.map(({ labels }) => labels[name] ?? ""), labels: {} }));
  return {
    refId: target.refId,
    fields: [
      { name: "Time", type: "time", values: rows.map(({ at }) => at), labels: {} },
      ...strings,
      { name: isOnlyTarget ? "Value" : `Value #${target.refId}`, type: "number", values: rows.map(({ value }) => value), labels: {} },
    ],
  };
}

export function displayName(field) {
  return field.config?.displayName || field.displayName || field.name;
}

export function rowCount(frame) {
  return frame.fields[0]?.values.length ?? 0;
}

// Every field of numbers with the times beside it: what a chart over time draws.
export function series(frames) {
  return frames.flatMap((frame) => {
    const times = frame.fields.find(({ type }) => type === "time")?.values;
    return frame.fields.filter(({ type }) => type === "number").map((field) => ({ frame, field, times, name: displayName(field) }));
  });
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

// Grafana's calculations over a field's values; NaN and null count as absent.
export function reduce(values, calculation) {
  const numbers = values.filter(isNumber);
  const sum = numbers.reduce((total, value) => total + value, 0);
  switch (calculation) {
    case "last": return values.at(-1) ?? null;
    case "first": return values[0] ?? null;
    case "firstNotNull": return values.find((value) => value !== null && !Number.isNaN(value)) ?? null;
    case "min": return numbers.length ? numbers.reduce((a, b) => Math.min(a, b)) : null;
    case "max": return numbers.length ? numbers.reduce((a, b) => Math.max(a, b)) : null;
    case "mean": return numbers.length ? sum / numbers.length : null;
    case "sum": return numbers.length ? sum : null;
    case "count": return values.length;
    case "range": return numbers.length ? reduce(values, "max") - reduce(values, "min") : null;
    case "diff": return numbers.length ? numbers.at(-1) - numbers[0] : null;
    case "lastNotNull": return values.findLast((value) => value !== null && !Number.isNaN(value)) ?? null;
    default: throw new Error(`the preview does not know the calculation ${calculation}`);
  }
}

export const CALCULATION_TITLES = {
  last: "Last", lastNotNull: "Last *", first: "First", firstNotNull: "First *", min: "Min", max: "Max",
  mean: "Mean", sum: "Total", count: "Count", range: "Range", diff: "Difference",
};
