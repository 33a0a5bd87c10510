// The grid of a dashboard: rows that collapse, panels repeated per value of a variable.

import { element } from "./dom.js";
import { interpolate } from "./interpolate.js";

const COLUMNS = 24;

// [{row, scope, panels: [{model, scope}]}] in reading order; the first section may have no row.
export function toSections(panels, values) {
  const sections = [{ row: null, panels: [] }];
  const byPlace = [...panels].sort((a, b) => (a.gridPos?.y ?? 0) - (b.gridPos?.y ?? 0) || (a.gridPos?.x ?? 0) - (b.gridPos?.x ?? 0));
  for (const panel of byPlace) {
    if (panel.type === "row") sections.push({ row: panel, panels: [...(panel.panels ?? [])] });
    else sections.at(-1).panels.push(panel);
  }
  return sections.filter(({ row, panels: inner }) => row || inner.length).flatMap((section) =>
    scopes(section.row, values).map((scope) => ({ row: section.row, scope, panels: repeatPanels(section.panels, scope, values) })));
}

function scopes(model, values) {
  const variable = values[model?.repeat];
  if (!variable) return [{}];
  const chosen = variable.values.includes("$__all") ? variable.options : variable.values;
  return chosen.map((value) => ({ [model.repeat]: { ...variable, values: [value], texts: [variable.textOf(value)] } }));
}

// Grafana puts repeated panels beside each other in one line of equal widths, or below each other.
function repeatPanels(panels, scope, values) {
  let shift = 0;
  return panels.flatMap((model) => {
    const { x = 0, y = 0, w = COLUMNS, h = 8 } = model.gridPos ?? {};
    const all = scopes(model, values);
    if (!model.repeat) return [{ model: { ...model, gridPos: { x, y: y + shift, w, h } }, scope }];
    const perLine = model.repeatDirection === "v" ? 1 : Math.min(model.maxPerRow ?? 4, all.length) || 1;
    const width = model.repeatDirection === "v" ? w : Math.floor(COLUMNS / perLine);
    const start = y + shift;
    shift += (Math.ceil(all.length / perLine) - 1) * h;
    return all.map((own, index) => ({
      model: { ...model, gridPos: { x: model.repeatDirection === "v" ? x : (index % perLine) * width, y: start + Math.floor(index / perLine) * h, w: width, h } },
      scope: { ...scope, ...own },
    }));
  });
}

// A section on the page. `opened` is called when its row is opened or closed.
export function drawSection({ row, scope, open }, panels, values, opened) {
  const top = Math.min(...panels.map(({ model }) => model.gridPos.y));
  const grid = element("div", { class: "grid", hidden: Boolean(row) && !open, style: { "--top": Number.isFinite(top) ? top : 0 } }, ...panels.map((panel) => panel.element));
  if (!row) return element("div", { class: "section" }, grid);
  const heading = element("button", {
    type: "button", class: "row", "aria-expanded": String(open), dataset: { rowId: row.id },
    onclick: () => {
      grid.hidden = !grid.hidden;
      heading.setAttribute("aria-expanded", String(!grid.hidden));
      opened(!grid.hidden);
    },
  }, element("h2", {}, interpolate(row.title ?? "", { ...values, ...scope }, "text")), open ? null : element("small", {}, panels.length === 1 ? "1 panel" : `${panels.length} panels`));
  return element("div", { class: "section" }, heading, grid);
}
