// What stat, gauge and bar gauge show: fields reduced to values.

import { fieldText, valueColor } from "../fields.js";
import { displayName, reduce } from "../frames.js";
import { toRegex } from "../fields.js";

// [{field, name, value, text, color}] of a panel's frames, as its reduceOptions say.
export function reducedValues(panel, frames) {
  const { calcs = ["lastNotNull"], fields = "", values = false, limit = 25 } = panel.options?.reduceOptions ?? {};
  const chosen = frames.flatMap((frame) => frame.fields.filter((field) => wanted(field, fields)).map((field) => ({ field, frame })));
  const single = ({ field, name = displayName(field) }, value) =>
    ({ field, name, value, text: fieldText(field, value), color: valueColor(field, value) });
  if (values) return chosen.flatMap(({ field, frame }) => field.values.slice(0, limit).map((value, row) => single({ field, name: rowName(frame, field, row) }, value)));
  return chosen.map((each) => single(each, reduce(each.field.values, calcs[0] ?? "lastNotNull")));
}

function rowName(frame, field, row) {
  const names = frame.fields.filter(({ type }) => type === "string").map(({ values }) => values[row]);
  return names.join(" ") || displayName(field);
}

function wanted(field, fields) {
  if (!fields) return field.type === "number";
  return displayName(field) === fields || (/^\/.*\/$/.test(fields) && toRegex(fields).test(displayName(field)));
}

// Bounds of a gauge: its own, else Grafana's.
export function gaugeBounds({ config }) {
  return { low: config.min ?? 0, high: config.max ?? (config.unit === "percentunit" ? 1 : 100) };
}
