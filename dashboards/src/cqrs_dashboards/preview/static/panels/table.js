// Panel "table": the first frame's columns, formatted, coloured and sorted as configured.

import { element } from "../dom.js";
import { fieldText, mapValue, valueColor } from "../fields.js";
import { displayName, isNumber, rowCount } from "../frames.js";
import { anchor } from "../menu.js";
import { sortedRows } from "../transformations.js";
import { gaugeBounds } from "./single.js";

export function drawTable(body, panel, frames, context) {
  const [frame] = frames;
  if (!frame || !rowCount(frame)) return false;
  const columns = frame.fields.filter(({ config }) => !config.custom?.hidden && !config.custom?.hideFrom?.viz);
  const sort = context.state.sort ?? sortOf(panel);
  const rows = sortedRows(frame, sort?.name, sort?.descending);
  const heading = (field) => {
    const name = displayName(field), sorted = sort?.name === name;
    const onclick = () => {
      context.state.sort = { name, descending: sorted ? !sort.descending : isNumber(field.values[0]) };
      context.redraw();
    };
    const order = sorted ? (sort.descending ? "descending" : "ascending") : null;
    return element("th", { class: align(field), "aria-sort": order }, element("button", { type: "button", onclick }, name, sorted ? (sort.descending ? " ↓" : " ↑") : null));
  };
  const head = element("tr", {}, ...columns.map(heading));
  const lines = rows.map((row) => element("tr", {}, ...columns.map((field) => cell(frame, field, row, context))));
  const showHeader = panel.options?.showHeader !== false;
  body.replaceChildren(element("div", { class: "scroll" }, element("table", { class: "data" },
    showHeader ? element("thead", {}, head) : null, element("tbody", {}, ...lines))));
  return true;
}

function sortOf(panel) {
  const [first] = panel.options?.sortBy ?? [];
  return first ? { name: first.displayName, descending: Boolean(first.desc) } : null;
}

const align = ({ type, config }) => ({ right: "number", center: "center", left: "" }[config.custom?.align] ?? (type === "number" ? "number" : ""));

function cell(frame, field, row, { linksOf }) {
  const value = field.values[row], text = fieldText(field, value);
  const style = {}, kind = field.config.custom?.cellOptions?.type ?? "auto";
  const color = field.type === "number" || mapValue(field.config.mappings, value) ? valueColor(field, value) : null;
  if (color && kind.startsWith("color-background")) Object.assign(style, { background: color, color: "#111" });
  else if (color && kind === "color-text") style.color = color;
  const cells = Object.fromEntries(frame.fields.flatMap((each, index) => [[index, each.values[row]], [each.name, each.values[row]], [displayName(each), each.values[row]]]));
  const [link] = linksOf(field, { value, text }, cells);
  const content = link?.href ? Object.assign(anchor({ ...link, title: text }), { title: link.title }) : text;
  if (kind !== "gauge" || !isNumber(value)) return element("td", { class: align(field), style }, content);
  const { low } = gaugeBounds(field);
  const high = field.config.max ?? (Math.max(...field.values.filter(isNumber)) || 1);
  const share = Math.min(Math.max((value - low) / (high - low || 1), 0), 1);
  return element("td", { class: "number" }, element("div", { class: "bar-row", style: { "--share": share, "--color": color } },
    element("span", { class: "track" }, element("i")), element("span", { class: "value" }, content)));
}
