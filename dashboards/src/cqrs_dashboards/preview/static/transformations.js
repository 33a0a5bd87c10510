// Grafana's transformations of frames, those that the dashboards may use.

import { displayName, reduce, rowCount, CALCULATION_TITLES } from "./frames.js";
import { toRegex } from "./fields.js";

export function transform(frames, transformations = []) {
  return transformations.filter(({ disabled }) => !disabled).reduce((each, { id, options }) => {
    if (!(id in TRANSFORMATIONS)) throw new Error(`the preview does not know the transformation ${id}`);
    return TRANSFORMATIONS[id](each, options ?? {});
  }, frames);
}

const TRANSFORMATIONS = { organize, merge, joinByField, seriesToColumns: joinByField, filterFieldsByName, sortBy, limit, reduce: reduceFields, renameByRegex, labelsToFields };

const withFields = (frames, change) => frames.map((frame) => ({ ...frame, fields: change(frame.fields) }));

function organize(frames, { excludeByName = {}, indexByName = {}, renameByName = {} }) {
  const place = (field) => indexByName[displayName(field)] ?? indexByName[field.name] ?? Infinity;
  const named = (field, map) => map[displayName(field)] ?? map[field.name];
  return withFields(frames, (fields) => fields
    .filter((field) => !named(field, excludeByName))
    .sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)))
    .map((field) => (named(field, renameByName) ? { ...field, displayName: named(field, renameByName) } : field)));
}

// One frame; rows that agree in every shared column of strings become one.
function merge(frames) {
  if (frames.length < 2) return frames;
  const kinds = new Map(frames.flatMap(({ fields }) => fields).map((field) => [field.name, field]));
  const keys = [...kinds.values()].filter(({ type }) => type !== "number").map(({ name }) => name)
    .filter((name) => frames.every(({ fields }) => fields.some((field) => field.name === name)));
  const rows = new Map();
  for (const frame of frames) {
    for (let row = 0; row < rowCount(frame); row += 1) {
      const cells = Object.fromEntries(frame.fields.map(({ name, values }) => [name, values[row]]));
      const key = JSON.stringify(keys.map((name) => cells[name]));
      rows.set(key, { ...rows.get(key), ...cells });
    }
  }
  return [fromRows(kinds, [...rows.values()])];
}

// As merge, by the one field that is named; other columns of strings stay apart.
function joinByField(frames, { byField = "Time", mode = "outer" }) {
  if (frames.length < 2) return frames;
  const kinds = new Map(), rows = new Map();
  frames.forEach((frame, index) => {
    const key = frame.fields.find((field) => displayName(field) === byField || field.name === byField);
    if (!key) return;
    const column = (field) => (field === key ? byField : `${displayName(field)}${kinds.has(displayName(field)) ? ` ${index + 1}` : ""}`);
    const columns = frame.fields.map((field) => [column(field), field]);
    for (const [name, field] of columns) kinds.set(name, { ...field, name, displayName: undefined });
    key.values.forEach((value, row) => {
      const cells = Object.fromEntries(columns.map(([name, field]) => [name, field.values[row]]));
      const known = rows.get(value);
      rows.set(value, { count: (known?.count ?? 0) + 1, cells: { ...known?.cells, ...cells } });
    });
  });
  const kept = [...rows.values()].filter(({ count }) => mode === "outer" || count === frames.length);
  return [fromRows(kinds, kept.map(({ cells }) => cells))];
}

function fromRows(kinds, rows) {
  const empty = (type) => (type === "string" ? "" : null);
  return { refId: "merged", fields: [...kinds].map(([name, field]) => ({ ...field, values: rows.map((row) => row[name] ?? empty(field.type)) })) };
}

function filterFieldsByName(frames, { include, exclude }) {
  const test = ({ names, pattern } = {}) => (field) => Boolean(
    names?.includes(displayName(field)) || names?.includes(field.name) || (pattern && toRegex(pattern).test(displayName(field))));
  return withFields(frames, (fields) => fields.filter((field) => (!include || test(include)(field)) && !(exclude && test(exclude)(field))));
}

function pickRows(frame, order) {
  return { ...frame, fields: frame.fields.map((field) => ({ ...field, values: order.map((row) => field.values[row]) })) };
}

// Row numbers in the order of a column.
export function sortedRows(frame, name, descending) {
  const column = frame.fields.find((field) => displayName(field) === name || field.name === name);
  const order = Array.from({ length: rowCount(frame) }, (_, row) => row);
  if (!column) return order;
  const lowest = (value) => (value === null || Number.isNaN(value) ? -Infinity : value);
  const compare = (a, b) => (lowest(a) < lowest(b) ? -1 : Number(lowest(a) > lowest(b)));
  return order.sort((a, b) => compare(column.values[a], column.values[b]) * (descending ? -1 : 1));
}

function sortBy(frames, { sort = [] }) {
  const [{ field, desc = false } = {}] = sort;
  return frames.map((frame) => pickRows(frame, sortedRows(frame, field, desc)));
}

function limit(frames, { limitField = 10 }) {
  return frames.map((frame) => pickRows(frame, Array.from({ length: Math.min(rowCount(frame), Number(limitField)) }, (_, row) => row)));
}

function reduceFields(frames, { reducers = ["lastNotNull"], mode = "seriesToRows" }) {
  const numbers = frames.flatMap(({ fields }) => fields.filter(({ type }) => type === "number"));
  if (mode === "reduceFields") {
    return withFields(frames, (fields) => fields.filter(({ type }) => type === "number")
      .map((field) => ({ ...field, values: [reduce(field.values, reducers[0])] })));
  }
  const results = reducers.map((reducer) => ({
    name: CALCULATION_TITLES[reducer] ?? reducer, type: "number", labels: {}, values: numbers.map((field) => reduce(field.values, reducer)),
  }));
  return [{ refId: "reduced", fields: [{ name: "Field", type: "string", labels: {}, values: numbers.map(displayName) }, ...results] }];
}

function renameByRegex(frames, { regex, renamePattern }) {
  return withFields(frames, (fields) => fields.map((field) => ({ ...field, displayName: displayName(field).replace(toRegex(regex), renamePattern) })));
}

// Labels of series as columns of strings beside time and value, then all of it as one frame.
function labelsToFields(frames) {
  const rows = [], kinds = new Map();
  for (const { fields } of frames) {
    const labels = Object.assign({}, ...fields.map((field) => field.labels));
    for (const name of Object.keys(labels)) kinds.set(name, { name, type: "string", labels: {} });
    for (const field of fields) kinds.set(field.name, { ...field, labels: {}, displayName: undefined });
    fields[0].values.forEach((_, row) => rows.push({ ...labels, ...Object.fromEntries(fields.map((field) => [field.name, field.values[row]])) }));
  }
  const order = [...kinds].sort(([, a], [, b]) => (a.type === "time" ? 0 : 1) - (b.type === "time" ? 0 : 1));
  return [fromRows(new Map(order), rows)];
}
