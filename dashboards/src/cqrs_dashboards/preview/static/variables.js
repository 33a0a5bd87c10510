// Template variables: their choices from Prometheus, their controls, their state in the address.

import { element } from "./dom.js";
import { interpolate } from "./interpolate.js";
import { labelValues, queryInstant } from "./api.js";

const ALL = "$__all";
const HIDDEN = 2;

// Reads the dashboard's variables and what the address chooses of them (?var-job=orders).
export function readVariables(dashboard, parameters) {
  return (dashboard.templating?.list ?? []).map((model) => {
    const asked = parameters.getAll(`var-${model.name}`).map((value) => (value === "All" ? ALL : value));
    const current = [model.current?.value ?? []].flat();
    const first = current.length ? current : model.includeAll ? [ALL] : [];
    return { model, options: [], values: asked.length ? asked : first, error: null };
  });
}

// What interpolate() wants to know.
export function variableValues(variables) {
  return Object.fromEntries(
    variables.filter(({ model }) => model.type !== "datasource").map(({ model, values, options }) => [
      model.name,
      {
        name: model.name, values, options: options.map(({ value }) => value), allValue: model.allValue,
        texts: values.map(textOf(options)), textOf: textOf(options),
        multi: Boolean(model.multi || model.includeAll),
      },
    ]),
  );
}

const textOf = (options) => (value) => options.find((option) => option.value === value)?.text ?? value;

// Fetches the choices, in order: a query may name the variables before it.
export async function loadOptions(variables, range, builtins, signal) {
  for (const variable of variables) {
    try {
      variable.options = await fetchOptions(variable.model, { ...builtins, ...variableValues(variables) }, range, signal);
      variable.error = null;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      variable.error = error.message;
    }
    if (!variable.values.length && variable.options.length) variable.values = [variable.options[0].value];
  }
}

async function fetchOptions(model, values, range, signal) {
  const query = typeof model.query === "object" ? model.query.query : model.query;
  if (model.type === "query") return sorted(filtered(await ask(interpolate(query ?? "", values), range, signal), model), model.sort);
  if (["custom", "interval"].includes(model.type)) return parseCustom(query ?? "");
  if (["constant", "textbox"].includes(model.type)) return [{ text: query, value: query }];
  return [];
}

async function ask(query, range, signal) {
  const labels = /^\s*label_values\(\s*(?:(.+),)?\s*([^,]+?)\s*\)\s*$/s.exec(query);
  if (labels) return labelValues(labels[2], labels[1], range, signal);
  const result = /^\s*query_result\((.+)\)\s*$/s.exec(query);
  if (!result) throw new Error(`the preview understands label_values and query_result, not: ${query}`);
  const found = await queryInstant(result[1], range, signal);
  return found.map(({ labels: { __name__: name = "", ...rest }, points: [[at, value]] }) => {
    const inner = Object.entries(rest).map(([key, each]) => `${key}="${each}"`).join(",");
    return `${name}{${inner}} ${value} ${at}`;
  });
}

function filtered(found, { regex }) {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(regex ?? "");
  const pattern = regex ? new RegExp(parts ? parts[1] : `^(?:${regex})$`, parts ? parts[2].replace("g", "") : "") : null;
  const options = new Map();
  for (const each of found) {
    const match = pattern ? pattern.exec(each) : [each];
    if (!match) continue;
    const value = match.groups?.value ?? match.groups?.text ?? match[1] ?? match[0];
    options.set(value, { text: match.groups?.text ?? value, value });
  }
  return [...options.values()];
}

// Grafana's numbers: 1 and 2 by letters, 3 and 4 by number, 5 and 6 without case; even is descending.
function sorted(options, sort = 0) {
  if (!sort) return options;
  const number = ({ text }) => Number(/\d+(\.\d+)?/.exec(text)?.[0] ?? -1);
  const compare = {
    0: (a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)),
    1: (a, b) => number(a) - number(b),
    2: (a, b) => a.text.localeCompare(b.text, undefined, { sensitivity: "base" }),
  }[Math.floor((sort - 1) / 2)] ?? ((a, b) => a.text.localeCompare(b.text, undefined, { numeric: true }));
  return [...options].sort(sort % 2 ? compare : (a, b) => compare(b, a));
}

function parseCustom(query) {
  return query.split(/(?<!\\),/).map((each) => each.trim().replaceAll("\\,", ",")).filter(Boolean).map((each) => {
    const named = /^(.+?)\s:\s(.+)$/s.exec(each);
    return named ? { text: named[1], value: named[2] } : { text: each, value: each };
  });
}

// Draws the controls; `changed` is called after a choice.
export function drawControls(form, variables, changed) {
  const open = form.querySelector("details[open]")?.dataset.name;
  form.replaceChildren(...variables
    .filter(({ model }) => model.type !== "datasource" && model.type !== "constant" && model.hide !== HIDDEN)
    .map((variable) => (variable.model.multi ? multiple : single)(variable, changed, open)));
  form.hidden = !form.childElementCount;
}

function single(variable, changed) {
  const { model, values } = variable;
  if (model.type === "textbox") {
    return labelled(variable, element("input", {
      value: values[0] ?? "", onchange: (event) => { variable.values = [event.target.value]; changed(); },
    }));
  }
  const choices = choicesOf(variable).map(({ text, value }) =>
    element("option", { value, selected: values.includes(value) }, text));
  return labelled(variable, element("select", {
    name: model.name, onchange: (event) => { variable.values = [event.target.value]; changed(); },
  }, ...choices));
}

function multiple(variable, changed, open) {
  const { model } = variable;
  const choices = choicesOf(variable);
  const chosen = choices.filter(({ value }) => variable.values.includes(value)).map(({ text }) => text);
  const box = ({ text, value }) => element("label", {},
    element("input", {
      type: "checkbox", name: model.name, value, checked: variable.values.includes(value),
      onchange: (event) => { choose(variable, value, event.target.checked); changed(); },
    }), text);
  const summary = element("summary", {}, chosen.length ? chosen.join(" + ") : variable.values.join(" + ") || "none");
  const details = element("details", { dataset: { name: model.name }, open: open === model.name }, summary,
    element("div", { class: "choices" }, ...choices.map(box)));
  return labelled(variable, details);
}

function choicesOf({ model, options, values }) {
  const all = model.includeAll ? [{ text: "All", value: ALL }] : [];
  const known = new Set([ALL, ...options.map(({ value }) => value)]);
  const gone = values.filter((value) => !known.has(value)).map((value) => ({ text: value, value }));
  return [...all, ...options, ...gone];
}

function choose(variable, value, checked) {
  const others = variable.values.filter((each) => each !== value);
  if (value === ALL) variable.values = [ALL];
  else variable.values = checked ? [...others.filter((each) => each !== ALL), value] : others;
  if (!variable.values.length) variable.values = variable.model.includeAll ? [ALL] : [value];
}

function labelled({ model, error }, control) {
  const title = error ?? model.description ?? "";
  const name = element("span", { title, class: error ? "error" : null }, model.label || model.name, error ? " ⚠" : null);
  return element("div", { class: "variable", dataset: { variable: model.name } }, model.hide === 1 ? null : name, control);
}
