// One moment in time under the mouse, marked in every chart; the chart under the mouse tells values.

import { element } from "./dom.js";
import { formatTime } from "./time.js";

const charts = new Set();
const tooltip = () => document.getElementById("tooltip");

// `chart` is {plot, left, right, top, bottom, from, to, rows(time, share)}: margins in pixels; rows
// are [{name, text, color}] at a time and a height (0 bottom, 1 top).
export function registerChart(chart) {
  for (const each of charts) if (each.plot === chart.plot || !each.plot.isConnected) charts.delete(each);
  charts.add(chart);
  chart.line = chart.plot.parentElement.querySelector(":scope > .crosshair")
    ?? chart.plot.parentElement.appendChild(element("div", { class: "crosshair", hidden: true }));
  if (chart.plot.dataset.hover) return;
  chart.plot.dataset.hover = "true";
  chart.plot.addEventListener("mousemove", (event) => move(find(chart.plot), event));
  chart.plot.addEventListener("mouseleave", leave);
}

const find = (plot) => [...charts].find((each) => each.plot === plot);

function move(chart, event) {
  if (!chart) return;
  const box = chart.plot.getBoundingClientRect();
  const width = box.width - chart.left - chart.right, height = box.height - chart.top - chart.bottom;
  const share = (event.clientX - box.left - chart.left) / width;
  const up = 1 - (event.clientY - box.top - chart.top) / height;
  if (share < 0 || share > 1 || up < 0 || up > 1) return leave();
  const time = chart.from + share * (chart.to - chart.from);
  for (const each of charts) mark(each, time, each === chart || chart.shared);
  showTooltip(formatTime(time), chart.rows(time, up), event);
}

function mark({ plot, line, left, right, top, bottom, from, to }, time, visible) {
  line.hidden = !visible || time < from || time > to;
  const width = plot.clientWidth - left - right;
  line.style.left = `${plot.offsetLeft + left + ((time - from) / (to - from)) * width}px`;
  line.style.top = `${plot.offsetTop + top}px`;
  line.style.height = `${plot.clientHeight - top - bottom}px`;
}

function leave() {
  for (const { line } of charts) line.hidden = true;
  hideTooltip();
}

export function showTooltip(title, rows, { clientX, clientY }) {
  const cells = rows.map(({ name, text, color }) => element("tr", {},
    element("td", {}, element("i", { style: { background: color ?? "transparent" } }), name), element("td", { class: "number" }, text)));
  tooltip().replaceChildren(element("strong", {}, title), element("table", {}, element("tbody", {}, ...cells)));
  place(clientX, clientY);
}

function place(clientX, clientY) {
  const box = tooltip();
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const x = clientX + 16 + width > innerWidth ? clientX - 16 - width : clientX + 16;
  const y = clientY + 16 + height > innerHeight ? innerHeight - height - 4 : clientY + 16;
  box.style.left = `${Math.max(4, x)}px`;
  box.style.top = `${Math.max(4, y)}px`;
}

// A panel's description, under the icon that was touched.
export function showDescription(text, anchor) {
  const { left, bottom } = anchor.getBoundingClientRect();
  tooltip().replaceChildren(element("p", {}, text));
  place(left - 8, bottom - 8);
}

export function hideTooltip() {
  tooltip().hidden = true;
}

// The index of the time nearest to a moment.
export function nearest(times, time) {
  let low = 0, high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle;
    else high = middle;
  }
  return high >= 0 && Math.abs(times[high] - time) < Math.abs(times[low] - time) ? high : low;
}
