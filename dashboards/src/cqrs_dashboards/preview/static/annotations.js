// Annotations from Prometheus: alerts firing, restarts; regions where samples follow each other.

import { queryRange } from "./api.js";
import { formatLegend, interpolate } from "./interpolate.js";
import { align, interval, parseDuration } from "./time.js";

const POINTS = 500;

export async function fetchAnnotations(dashboard, values, range, leastStep, signal) {
  const enabled = (dashboard.annotations?.list ?? []).filter(({ enable, expr, type }) => enable !== false && expr && type !== "dashboard");
  const found = await Promise.all(enabled.map((model) => fetchOne(model, values, range, leastStep, signal)));
  return found.flat();
}

async function fetchOne(model, values, range, leastStep, signal) {
  const least = parseDuration(interpolate(model.step ?? "", values)) ?? leastStep;
  const grid = align(range, interval(range.to - range.from, POINTS, least));
  const answer = await queryRange(interpolate(model.expr, values), grid, signal);
  return answer.flatMap(({ labels, points }) => {
    const title = formatLegend(model.titleFormat || model.name || "", labels);
    const text = formatLegend(model.textFormat ?? "", labels);
    const times = points.filter(([, value]) => value).map(([at, value]) => (model.useValueForTime ? value : at));
    return regions(times, grid.step).map((region) => ({ ...region, title, text, color: model.iconColor ?? "red" }));
  });
}

function regions(times, step) {
  const found = [];
  for (const at of times) {
    const last = found.at(-1);
    if (last && at - last.to <= step * 1.5) last.to = at;
    else found.push({ from: at, to: at });
  }
  return found;
}
