// Links of panels and of data: Grafana's macros replaced, its dashboards' addresses turned into ours.

import { safeUrl } from "./dom.js";
import { displayName } from "./frames.js";
import { interpolate } from "./interpolate.js";

const MACRO = /\$\{(__\w+)((?:\.[\w-]+|\[(?:\d+|"[^"]*"|'[^']*')\])*)(?::(raw|percentencode))?\}/g;
const PATH = /\.([\w-]+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]/g;

// [{title, href, blank}]; href is null where only Grafana has the page. Scripts are left out.
// `context` is {values, query, dashboards}; `scope` holds what the macros tell, none for a panel's links.
export function resolveLinks(links, context, scope = {}) {
  return (links ?? []).flatMap(({ title = "", url = "", targetBlank }) => {
    const href = safeUrl(linkUrl(url, context, scope));
    if (!href) return [];
    const name = replaceMacros(title, scope, (text) => text, (rest) => interpolate(rest, context.values, "text"));
    return [{ title: name || href, href: inPreview(href, context.dashboards), blank: Boolean(targetBlank) }];
  });
}

// What ${__value…}, ${__series…}, ${__field…} and ${__data…} mean at one value of a field.
export function dataScope(field, { value, text, at = null }, cells = {}) {
  const name = displayName(field);
  return {
    __value: { raw: value, numeric: value, text, time: at }, __series: { name },
    __field: { name: field.name, displayName: name, labels: field.labels ?? {} }, __data: { fields: cells },
  };
}

function linkUrl(url, { values, query }, scope) {
  const time = new URLSearchParams([...query].filter(([name]) => ["from", "to"].includes(name))).toString();
  const variables = new URLSearchParams([...query].filter(([name]) => name.startsWith("var-"))).toString();
  const whole = { __url_time_range: time, __all_variables: variables };
  const named = url.replace(/\$\{(__url_time_range|__all_variables)\}|\$(__url_time_range|__all_variables)\b/g, (_whole, braced, plain) => whole[braced ?? plain]);
  return replaceMacros(named, scope, encodeURIComponent, (rest) => interpolate(rest, values, "percentencode"));
}

// Replaced once: a label's text that looks like a macro or a variable stays text.
function replaceMacros(text, scope, encode, interpolateRest) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(MACRO)) {
    const value = lookUp(scope, found[1], found[2]);
    if (value === undefined) continue;
    parts.push(interpolateRest(text.slice(end, found.index)), found[3] === "raw" ? String(value) : encode(String(value)));
    end = found.index + found[0].length;
  }
  return parts.join("") + interpolateRest(text.slice(end));
}

function lookUp(scope, root, path) {
  const keys = [root, ...[...path.matchAll(PATH)].map(([, ...named]) => named.find((each) => each !== undefined))];
  let place = scope;
  for (const key of keys) {
    if (place === null || typeof place !== "object" || !Object.hasOwn(place, key)) return Object.hasOwn(scope, root) ? "" : undefined;
    place = place[key];
  }
  return typeof place === "object" ? "" : place;
}

function inPreview(href, dashboards) {
  const url = new URL(href);
  if (url.origin !== location.origin) return href;
  const [, uid] = /^\/d\/([^/]+)/.exec(url.pathname) ?? [];
  return dashboards.some((each) => encodeURIComponent(each.uid) === uid) ? `/d/${uid}${url.search}` : null;
}
