// fieldConfig: defaults and overrides of each field, its colour, its thresholds, its text.

import { continuousColor, paletteColor, paletteColorByName, resolveColor } from "./colors.js";
import { displayName, isNumber, reduce } from "./frames.js";
import { formatValue } from "./units.js";

// Gives every field of the frames its config; names that overrides match are those of the legend.
export function applyFieldConfig(frames, { defaults = {}, overrides = [] } = {}) {
  let index = 0;
  for (const frame of frames) {
    for (const field of frame.fields) {
      const config = structuredClone(defaults);
      for (const { matcher, properties } of overrides) {
        if (!matches(matcher, field, frame)) continue;
        for (const { id, value } of properties) setPath(config, id, value);
      }
      if (config.displayName) config.displayName = fieldTemplate(config.displayName, field);
      field.config = config;
      if (field.type === "number") field.index = index++;
    }
  }
  return frames;
}

function matches({ id, options }, field, frame) {
  const name = displayName(field);
  switch (id) {
    case "byName": return name === options || field.name === options;
    case "byRegexp": return toRegex(options).test(name);
    case "byNames": return (options?.mode === "exclude") !== (options?.names ?? []).includes(name);
    case "byFrameRefID": return frame.refId === options;
    case "byType": return field.type === options;
    default: return false;
  }
}

export function toRegex(text) {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(text);
  return parts ? new RegExp(parts[1], parts[2].replace("g", "")) : new RegExp(text);
}

function setPath(config, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  let place = config;
  for (const key of keys) place = place[key] ??= {};
  place[last] = value;
}

function fieldTemplate(template, field) {
  return template
    .replace(/\$\{__field\.labels\.(\w+)\}/g, (_whole, label) => field.labels?.[label] ?? "")
    .replaceAll("${__field.displayName}", displayName(field)).replaceAll("${__field.name}", field.name);
}

// A field's text for a value: a mapping's, else in the field's unit.
export function fieldText({ config, type }, value) {
  const mapped = mapValue(config.mappings, value);
  if (mapped?.text) return mapped.text;
  if (value === null || value === undefined) return config.noValue ?? "";
  if (type === "string") return String(value);
  const unit = type === "time" ? "dateTimeAsIso" : (config.unit ?? "none");
  return formatValue(value, unit, config.decimals);
}

export function mapValue(mappings = [], value) {
  for (const { type, options } of mappings) {
    if (type === "value" && options[String(value)]) return options[String(value)];
    if (type === "range" && isNumber(value) && (options.from ?? -Infinity) <= value && value <= (options.to ?? Infinity)) return options.result;
    if (type === "regex" && typeof value === "string" && toRegex(options.pattern).test(value)) return options.result;
    if (type === "special" && isSpecial(options.match, value)) return options.result;
  }
  return null;
}

function isSpecial(match, value) {
  const isNull = value === null || value === undefined, isNaN = Number.isNaN(value);
  const tests = { null: isNull, nan: isNaN, "null+nan": isNull || isNaN, true: value === true, false: value === false, empty: value === "" };
  return tests[match] ?? false;
}

// Steps of the thresholds as absolute values: [{value, color}], the first from minus infinity.
export function thresholdSteps({ thresholds, min, max }) {
  const steps = thresholds?.steps ?? [];
  const absolute = (value) => (thresholds.mode === "percentage" ? (min ?? 0) + (value / 100) * ((max ?? 100) - (min ?? 0)) : value);
  return steps.map(({ value, color }, index) => ({
    value: index === 0 || value === null ? -Infinity : absolute(value), color: resolveColor(color),
  }));
}

export function thresholdColor(config, value) {
  const steps = thresholdSteps(config);
  if (!steps.length) return resolveColor("green");
  return (steps.findLast((step) => isNumber(value) && value >= step.value) ?? steps[0]).color;
}

// The colour for one value: what stat, gauge and table cells show.
export function valueColor(field, value) {
  const { config } = field;
  const mapped = mapValue(config.mappings, value);
  if (mapped?.color) return resolveColor(mapped.color);
  const mode = config.color?.mode ?? "thresholds";
  if (mode === "fixed" || mode === "shades") return resolveColor(config.color.fixedColor ?? "text");
  if (mode === "palette-classic") return paletteColor(field.index ?? 0);
  if (mode === "palette-classic-by-name") return paletteColorByName(displayName(field));
  const low = config.min ?? 0, high = config.max ?? 100;
  return continuousColor(mode, (value - low) / (high - low || 1)) ?? thresholdColor(config, value);
}

// The colour of a whole series: its own, or that of its last value where values have colours.
export function seriesColor(field) {
  const mode = field.config.color?.mode ?? "palette-classic";
  if (mode === "palette-classic") return paletteColor(field.index ?? 0);
  return valueColor(field, reduce(field.values, field.config.color?.seriesBy ?? "last"));
}
