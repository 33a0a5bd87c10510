// Grafana's named colours and palettes.

import { isDark, themeColor } from "./theme.js";

const SHADES = ["super-light", "light", "", "semi-dark", "dark"];
const HUES = {
  red: ["#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A"],
  orange: ["#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400"],
  yellow: ["#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400"],
  green: ["#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D"],
  blue: ["#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4"],
  purple: ["#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8"],
};
const CLASSIC = [
  "green", "semi-dark-yellow", "light-blue", "semi-dark-orange", "red", "blue", "purple", "#705DA0",
  "dark-green", "yellow", "#447EBC", "#C15C17", "#890F02", "#0A437C", "#6D1F62", "#584477", "#B7DBAB",
  "#F4D598", "#70DBED", "#F9BA8F", "#F29191", "#82B5D8", "#E5A8E2", "#AEA2E0", "#629E51", "#E5AC0E",
  "#64B0C8", "#E0752D", "#BF1B00", "#0A50A1", "#962D82", "#614D93", "#9AC48A", "#F2C96D", "#65C5DB",
  "#F9934E", "#EA6460", "#5195CE", "#D683CE", "#806EB7", "#3F6833", "#967302", "#2F575E", "#99440A",
  "#58140C", "#052B51", "#511749", "#3F2B5B", "#E0F9D7", "#FCEACA", "#CFFAFF", "#F9E2D2", "#FCE2DE",
  "#BADFF4", "#F9D9F9", "#DEDAF7",
];
const LEAST_CONTRAST = 3;
// ColorBrewer's sequences, light to dark, as d3's schemes of these names.
const SCHEMES = {
  Blues: ["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"],
  GnBu: ["#f7fcf0", "#ccebc5", "#7bccc4", "#2b8cbe", "#084081"],
  Greens: ["#f7fcf5", "#c7e9c0", "#74c476", "#238b45", "#00441b"],
  Greys: ["#ffffff", "#d9d9d9", "#969696", "#525252", "#000000"],
  Oranges: ["#fff5eb", "#fdd0a2", "#fd8d3c", "#d94801", "#7f2704"],
  Purples: ["#fcfbfd", "#dadaeb", "#9e9ac8", "#6a51a3", "#3f007d"],
  Reds: ["#fff5f0", "#fcbba1", "#fb6a4a", "#cb181d", "#67000d"],
  Spectral: ["#9e0142", "#f46d43", "#ffffbf", "#66c2a5", "#5e4fa2"],
  Turbo: ["#23171b", "#4860e6", "#2ee5ae", "#feb927", "#900c00"],
};
const CONTINUOUS = {
  "continuous-GrYlRd": ["green", "yellow", "red"], "continuous-RdYlGr": ["red", "yellow", "green"],
  "continuous-BlYlRd": ["dark-blue", "super-light-yellow", "dark-red"],
  "continuous-YlRd": ["super-light-yellow", "dark-red"], "continuous-BlPu": ["blue", "purple"],
  "continuous-YlBl": ["super-light-yellow", "dark-blue"], "continuous-blues": ["panel-bg", "dark-blue"],
  "continuous-reds": ["panel-bg", "dark-red"], "continuous-greens": ["panel-bg", "dark-green"],
  "continuous-purples": ["panel-bg", "dark-purple"],
};

// A CSS colour for one of Grafana's names, or for a CSS colour.
export function resolveColor(name) {
  if (name === "text") return themeColor("text");
  if (name === "panel-bg") return themeColor("panel");
  const found = /^(?:(super-light|light|semi-dark|dark)-)?(\w+)$/.exec(name ?? "");
  if (found && HUES[found[2]]) return HUES[found[2]][SHADES.indexOf(found[1] ?? "")];
  return CSS.supports("color", name) ? name : themeColor("text");
}

export function paletteColor(index) {
  return resolveColor(CLASSIC[index % CLASSIC.length]);
}

// As Grafana: by a hash of the name (that of the package string-hash), among the colours that stand
// out from the panel.
export function paletteColorByName(name) {
  let hash = 5381;
  for (let at = name.length - 1; at >= 0; at -= 1) hash = (hash * 33) ^ name.charCodeAt(at);
  const panel = themeColor("panel");
  const clear = CLASSIC.map(resolveColor).filter((color) => contrast(color, panel) >= LEAST_CONTRAST);
  return clear[(hash >>> 0) % clear.length];
}

// https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio
function contrast(first, second) {
  const luminance = (hex) => {
    const parts = channels(hex).map((each) => each / 255).map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const [darker, lighter] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

// The colour at `share` (0 to 1) of a continuous mode; null when there is no such mode.
export function continuousColor(mode, share) {
  const stops = CONTINUOUS[mode];
  if (!stops) return null;
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), left = Math.min(Math.floor(at), stops.length - 2);
  return mix(resolveColor(stops[left]), resolveColor(stops[left + 1]), at - left);
}

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// Plotly knows no color-mix.
function mix(first, second, share) {
  const [from, to] = [channels(first), channels(second)];
  return `#${from.map((each, index) => Math.round(each + (to[index] - each) * share).toString(16).padStart(2, "0")).join("")}`;
}

// A heatmap's scheme as Plotly's colour scale; what is most stands out on both themes, as in Grafana.
export function colorScale({ scheme = "Oranges", reverse = false }) {
  const stops = SCHEMES[scheme] ?? SCHEMES.Oranges;
  const sequential = !["Spectral", "Turbo"].includes(scheme);
  const turned = reverse !== (sequential && isDark()) ? [...stops].reverse() : stops;
  return turned.map((color, index) => [index / (turned.length - 1), color]);
}

// A colour with transparency, in the form that Plotly knows.
export function rgba(color, share) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(color);
  return hex ? `rgba(${hex.slice(1).map((each) => parseInt(each, 16)).join(",")},${share})` : color;
}
