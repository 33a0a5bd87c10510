// What lies over or under the lines of a time series: thresholds and annotations.

import { resolveColor, rgba } from "../colors.js";
import { thresholdSteps } from "../fields.js";

export function thresholdShapes(shown) {
  const first = shown.find(({ field }) => !["off", undefined].includes(field.config.custom?.thresholdsStyle?.mode));
  if (!first) return [];
  const { mode } = first.field.config.custom.thresholdsStyle;
  const steps = thresholdSteps(first.field.config);
  const line = ({ value, color }) => ({
    type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, line: { color, width: 1.5, dash: mode.includes("dashed") ? "dash" : "solid" },
  });
  const area = ({ value, color }, index) => ({
    type: "rect", xref: "paper", x0: 0, x1: 1, layer: "below", line: { width: 0 }, fillcolor: rgba(color, 0.12),
    y0: Math.max(value, -1e30), y1: steps[index + 1]?.value ?? 1e30,
  });
  return [...(mode.includes("area") ? steps.map(area) : []), ...(/line|dashed/.test(mode) ? steps.slice(1).map(line) : [])];
}

export function annotationShape({ from, to, color }) {
  const line = { color: resolveColor(color), width: 1, dash: "dot" };
  return { type: "rect", yref: "paper", x0: from, x1: to, y0: 0, y1: 1, line, fillcolor: rgba(resolveColor(color), 0.12) };
}
