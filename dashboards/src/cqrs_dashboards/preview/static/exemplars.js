// Exemplars: single operations behind a histogram, with the labels (trace_id) that they carry.

import { queryExemplars } from "./api.js";
import { isNumber } from "./frames.js";
import { formatTime } from "./time.js";

const STRETCHES = 80; // of the range, one exemplar each: more points would hide the lines

// [{at, value, labels}] of one target, the highest of each stretch. Exemplars are an extra: where
// Prometheus stores none (--enable-feature=exemplar-storage) or refuses, there are just no points.
export async function fetchExemplars(target, query, { from, to }, signal) {
  if (!target.exemplar) return [];
  const answer = await queryExemplars(query, { from, to }, signal).catch((error) => {
    if (error.name === "AbortError") throw error;
    return [];
  });
  const highest = new Map();
  for (const each of answer) {
    const stretch = Math.floor(((each.at - from) / (to - from)) * STRETCHES);
    if (isNumber(each.value) && !(highest.get(stretch)?.value >= each.value)) highest.set(stretch, each);
  }
  return [...highest.values()].sort((a, b) => a.at - b.at);
}

// What Plotly draws; `place` turns a value into a place on the axis.
export function exemplarTrace(exemplars, place, color) {
  return {
    type: "scatter", mode: "markers", x: exemplars.map(({ at }) => at), y: exemplars.map(({ value }) => place(value)),
    marker: { symbol: "diamond", size: 7, color, line: { color: "rgba(255,255,255,0.6)", width: 1 } }, hoverinfo: "none",
  };
}

// What the mouse finds (see hover.js); `share` turns a value into a height from 0 to 1.
export function exemplarPoints(exemplars, share, text, color) {
  return exemplars.map(({ at, value, labels }) => ({
    at, up: share(value), title: `Exemplar ${formatTime(at)}`,
    rows: [{ name: "value", text: text(value), color }, ...Object.entries(labels).map(([name, each]) => ({ name, text: each }))],
  }));
}
