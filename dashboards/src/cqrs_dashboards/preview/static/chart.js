// What all of Plotly's charts share: theme, a time axis, axes of values, margins that are known.

import { plotlyText } from "./dom.js";
import { themeColor } from "./theme.js";
import { timeTicks } from "./time.js";
import { valueTicks } from "./units.js";

const LETTER = 6.6; // pixels of one letter of a tick's text
export const TOP = 8, BOTTOM = 22, EDGE = 14;
export const SUNK = 3; // pixels of room below 0, so that a line which lies on the axis is seen
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false };

export function draw(plot, traces, layout) {
  const shared = {
    width: plot.clientWidth, height: plot.clientHeight, hovermode: false, showlegend: false, dragmode: false,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "Inter, Helvetica, Arial, sans-serif", size: 11, color: themeColor("text") },
  };
  // eslint-disable-next-line no-undef -- a classic script, not a module
  return Plotly.react(plot, traces, { ...shared, ...layout }, CONFIG);
}

export function timeAxis(plot, { from, to }, left, right) {
  const width = plot.clientWidth - left - right;
  const ticks = timeTicks(from, to, width);
  // Further out it would lie on the lowest text of an axis of values, or be cut off.
  const free = right > EDGE ? 0 : EDGE;
  const fits = (at, text) => {
    const half = text.length * LETTER / 2, middle = (at - from) / (to - from) * width;
    return middle >= half && width - middle + free >= half;
  };
  return {
    type: "linear", range: [from, to], tickmode: "array", tickvals: ticks.map(([at]) => at),
    ticktext: ticks.map(([at, text]) => (fits(at, text) ? text : "")), gridcolor: themeColor("grid"), zeroline: false, showline: false, ticks: "",
  };
}

// An axis of values and the room that its texts need: {axis, room}.
export function valueAxis(plot, { low, high, unit, decimals, label, log, grid = true, most = null }) {
  most ??= Math.max(2, Math.floor((plot.clientHeight - TOP - BOTTOM) / 34));
  const ticks = log ? logTicks(low, high, unit, decimals) : valueTicks(low, high, unit, decimals, most);
  const longest = Math.max(2, ...ticks.map(([, text]) => text.length));
  const axis = {
    type: log ? "log" : "linear", range: log ? [Math.log10(low), Math.log10(high)] : [low, high], fixedrange: true,
    tickmode: "array", tickvals: ticks.map(([value]) => value), ticktext: ticks.map(([, text]) => plotlyText(text)),
    gridcolor: themeColor("grid"), showgrid: grid, zeroline: false, ticks: "",
    title: label ? { text: plotlyText(label), standoff: 4 } : undefined,
  };
  return { axis, room: Math.round(longest * LETTER) + 10 + (label ? 18 : 0) };
}

function logTicks(low, high, unit, decimals) {
  const first = Math.ceil(Math.log10(low)), last = Math.floor(Math.log10(high));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)).flatMap((value) => valueTicks(value, value, unit, decimals, 1));
}

// An axis of names, the first one on top: {axis, room}. The room is at most a third of the plot.
export function nameAxis(plot, names) {
  const room = Math.min(Math.max(...names.map((name) => name.length)) * LETTER + 12, plot.clientWidth / 3);
  const most = Math.max(4, Math.floor(room / LETTER));
  const short = names.map((name) => (name.length > most ? `${name.slice(0, most - 1)}…` : name));
  const axis = {
    range: [names.length - 0.5, -0.5], fixedrange: true, tickmode: "array", tickvals: names.map((_, index) => index),
    ticktext: short.map(plotlyText), showgrid: false, zeroline: false, ticks: "",
  };
  return { axis, room: Math.round(room) };
}
