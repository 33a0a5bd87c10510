// Annotations from Prometheus: alerts firing, restarts; regions where samples follow each other.

import { queryRange } from "./api.js";
import { resolveColor } from "./colors.js";
import { element } from "./dom.js";
import { formatLegend, interpolate } from "./interpolate.js";
import { align, interval, parseDuration } from "./time.js";

const POINTS = 500;

// The dashboard's own, as [{model, enabled, error}]; what people write into Grafana is not here.
export function readAnnotations(dashboard) {
  const own = (dashboard.annotations?.list ?? []).filter(({ expr, type }) => expr && type !== "dashboard");
  return own.map((model) => ({ model, enabled: model.enable !== false, error: null }));
}

// [{from, to, title, text, tags, color}]; one query that fails leaves the others alone.
export async function fetchAnnotations(annotations, values, range, leastStep, signal) {
  const found = await Promise.all(annotations.filter(({ enabled }) => enabled).map(async (annotation) => {
    annotation.error = null;
    try {
      return await fetchOne(annotation.model, values, range, leastStep, signal);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      annotation.error = error.message;
      return [];
    }
  }));
  return found.flat();
}

async function fetchOne(model, values, range, leastStep, signal) {
  const least = parseDuration(interpolate(model.step ?? "", values)) ?? leastStep;
  const grid = align(range, interval(range.to - range.from, POINTS, least));
  const answer = await queryRange(interpolate(model.expr, values), grid, signal);
  return answer.flatMap(({ labels, points }) => {
    const title = formatLegend(model.titleFormat || model.name || "", labels);
    const text = formatLegend(model.textFormat ?? "", labels);
    const tags = (model.tagKeys ?? "").split(",").map((key) => labels[key.trim()]).filter(Boolean);
    const times = points.filter(([, value]) => value).map(([at, value]) => (model.useValueForTime ? value : at));
    return regions(times, grid.step).map((region) => ({ ...region, title, text, tags, color: model.iconColor ?? "red" }));
  });
}

export function regions(times, step) {
  const found = [];
  for (const at of times) {
    const last = found.at(-1);
    if (last && at - last.to <= step * 1.5) last.to = at;
    else found.push({ from: at, to: at });
  }
  return found;
}

// What a tooltip says of those at a moment; equal ones count once, so that a storm stays readable.
export function annotationRows(annotations, time, near) {
  const rows = new Map();
  for (const { from, to, title, text, tags, color } of annotations) {
    if (time < from - near || time > to + near) continue;
    const told = [text, ...tags].filter(Boolean).join(" · ");
    rows.set(`${title} ${told}`, { name: title, text: told, color: resolveColor(color) });
  }
  return [...rows.values()];
}

// A switch for each, after the variables, as in Grafana.
export function annotationToggles(annotations, changed) {
  return annotations.filter(({ model }) => !model.hide).map((annotation) => {
    const { model, enabled, error } = annotation;
    const box = element("input", { type: "checkbox", checked: enabled, onchange: ({ target }) => { annotation.enabled = target.checked; changed(); } });
    return element("label", { class: error ? "toggle error" : "toggle", title: error, dataset: { annotation: model.name } },
      box, element("i", { style: { background: resolveColor(model.iconColor ?? "red") } }), model.name, error ? " ⚠" : null);
  });
}
