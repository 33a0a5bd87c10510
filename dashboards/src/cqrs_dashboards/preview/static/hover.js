// One moment in time under the mouse, marked in every chart; the chart under the mouse tells values.

import { element } from "./dom.js";
import { showMenu } from "./menu.js";
import { formatTime } from "./time.js";

const NEAR = 9; // pixels to a single point
const charts = new Set();
const tooltip = () => document.getElementById("tooltip");

// `chart` is {plot, left, right, top, bottom, from, to, rows(time, share)}: margins in pixels; rows
// are [{name, text, color}] at a time and a height (0 bottom, 1 top). `points` are single ones,
// [{at, up, title, rows}], that tell of themselves; `linksAt(time, up)` is {title, links}.
export function registerChart(chart) {
  for (const each of charts) if (each.plot === chart.plot || !each.plot.isConnected) charts.delete(each);
  charts.add(chart);
  chart.line = chart.plot.parentElement.querySelector(":scope > .crosshair")
    ?? chart.plot.parentElement.appendChild(element("div", { class: "crosshair", hidden: true }));
  if (chart.plot.dataset.hover) return;
  chart.plot.dataset.hover = "true";
  chart.plot.addEventListener("mousemove", (event) => move(find(chart.plot), event));
  chart.plot.addEventListener("mouseleave", leave);
  chart.plot.addEventListener("click", (event) => click(find(chart.plot), event));
}

const find = (plot) => [...charts].find((each) => each.plot === plot);

function move(chart, event) {
  if (!chart) return;
  const under = locate(chart, event);
  if (!under) return leave();
  const { time, up, point } = under;
  for (const each of charts) mark(each, time, each === chart || chart.shared);
  if (point) showTooltip(point.title, point.rows, event);
  else showTooltip(formatTime(time), chart.rows(time, up), event);
}

function click(chart, event) {
  const under = chart && locate(chart, event);
  if (!under) return;
  const { title, links } = under.point ? { title: under.point.title, links: [] } : chart.linksAt?.(under.time, under.up) ?? { links: [] };
  const rows = under.point?.rows ?? [];
  if (!links.length && !rows.length) return;
  leave();
  showMenu(title, rows, links, event);
}

// What is under the mouse: {time, up, point}; null outside the axes.
function locate(chart, { clientX, clientY }) {
  const box = chart.plot.getBoundingClientRect();
  const width = box.width - chart.left - chart.right, height = box.height - chart.top - chart.bottom;
  const share = (clientX - box.left - chart.left) / width, up = 1 - (clientY - box.top - chart.top) / height;
  if (share < 0 || share > 1 || up < 0 || up > 1) return null;
  const time = chart.from + share * (chart.to - chart.from);
  const distance = (each) => Math.hypot(((each.at - time) / (chart.to - chart.from)) * width, (each.up - up) * height);
  const near = (chart.points ?? []).filter((each) => distance(each) <= NEAR).sort((a, b) => distance(a) - distance(b));
  return { time, up, point: near[0] ?? null };
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
