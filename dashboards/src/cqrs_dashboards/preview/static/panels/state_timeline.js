// Panel "state-timeline": one band per series, one colour per state.

import { BOTTOM, EDGE, TOP, draw, nameAxis, timeAxis } from "../chart.js";
import { element, plotlyText } from "../dom.js";
import { fieldText, valueColor } from "../fields.js";
import { series } from "../frames.js";
import { nearest, registerChart } from "../hover.js";
import { themeColor } from "../theme.js";

export function drawStateTimeline(body, panel, frames, context) {
  const all = series(frames).filter(({ times }) => times);
  const segments = all.flatMap((each, row) => toSegments(each, row, panel.options?.mergeValues !== false));
  if (!segments.length) return false;
  const plot = body.querySelector(":scope > .plot") ?? element("div", { class: "plot" });
  body.replaceChildren(plot, ...body.querySelectorAll(":scope > .crosshair"));
  const { axis, room } = nameAxis(plot, all.map(({ name }) => name));
  const showValue = panel.options?.showValue ?? "auto";
  const perPixel = (context.range.to - context.range.from) / Math.max(plot.clientWidth - room - EDGE, 1);
  const fits = ({ from, to, text }) => (showValue === "always" || (to - from) / perPixel > text.length * 7 + 6) && showValue !== "never";
  draw(plot, [{
    type: "bar", orientation: "h", hoverinfo: "none", base: segments.map(({ from }) => from), x: segments.map(({ from, to }) => to - from),
    y: segments.map(({ row }) => row), width: segments.map(() => panel.options?.rowHeight ?? 0.9), marker: { color: segments.map(({ color }) => color) },
    text: segments.map((each) => (fits(each) ? plotlyText(each.text) : "")), textposition: "inside", insidetextanchor: "middle", textangle: 0,
    insidetextfont: { color: segments.map(({ color }) => (color === "transparent" ? themeColor("muted") : "#111")) },
  }], {
    margin: { l: room, r: EDGE, t: TOP, b: BOTTOM }, barmode: "overlay", yaxis: axis,
    xaxis: { ...timeAxis(plot, context.range, room, EDGE), fixedrange: true },
  });
  registerChart({
    plot, left: room, right: EDGE, top: TOP, bottom: BOTTOM, from: context.range.from, to: context.range.to, shared: context.sharedHover,
    rows: (time, up) => {
      const { field, times, name } = all[Math.min(Math.floor((1 - up) * all.length), all.length - 1)];
      const value = field.values[nearest(times, time)];
      return [{ name, text: fieldText(field, value), color: valueColor(field, value) }];
    },
  });
  return true;
}

function toSegments({ field, times }, row, merge) {
  const segments = [];
  const step = times.length > 1 ? times[1] - times[0] : 0;
  field.values.forEach((value, index) => {
    if (value === null || value === undefined) return;
    const text = fieldText(field, value), color = valueColor(field, value), last = segments.at(-1);
    const from = times[index], to = times[index] + step;
    if (merge && last && last.to === from && last.text === text && last.color === color) last.to = to;
    else segments.push({ row, from, to, text, color });
  });
  return segments;
}
