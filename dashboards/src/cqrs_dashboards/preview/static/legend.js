// The legend of a chart: a list, or a table with calculations as Grafana prints them.

import { element } from "./dom.js";
import { CALCULATION_TITLES, reduce } from "./frames.js";
import { fieldText } from "./fields.js";

// `entries` are {name, color, field, hidden}. `toggle(name, several)` shows or hides series.
export function drawLegend(options, entries, toggle) {
  if (options?.showLegend === false || options?.displayMode === "hidden" || !entries.length) return null;
  const calculations = options?.calcs ?? [];
  const label = ({ name, color, hidden }) => element("button", {
    type: "button", class: hidden ? "hidden" : null, title: name,
    onclick: (event) => toggle(name, event.ctrlKey || event.metaKey),
  }, element("i", { style: { background: color } }), element("span", {}, name));
  const value = ({ field }, calculation) => fieldText(field, reduce(field.values, calculation));
  if (options?.displayMode !== "table") {
    const items = entries.map((entry) => element("li", {}, label(entry),
      ...calculations.map((each) => element("small", {}, ` ${CALCULATION_TITLES[each] ?? each}: ${value(entry, each)}`))));
    return element("ul", { class: "legend" }, ...items);
  }
  const head = element("tr", {}, element("th"), ...calculations.map((each) => element("th", {}, CALCULATION_TITLES[each] ?? each)));
  const rows = ordered(options, entries).map((entry) => element("tr", {}, element("td", {}, label(entry)),
    ...calculations.map((each) => element("td", { class: "number" }, value(entry, each)))));
  return element("div", { class: "legend" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function ordered({ sortBy, sortDesc }, entries) {
  const calculation = Object.keys(CALCULATION_TITLES).find((each) => CALCULATION_TITLES[each] === sortBy);
  if (!calculation) return entries;
  const key = ({ field }) => reduce(field.values, calculation) ?? -Infinity;
  return [...entries].sort((a, b) => (key(a) - key(b)) * (sortDesc ? -1 : 1));
}
