// Elements from plain data. Strings become text nodes; nothing here parses HTML.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "dataset") Object.assign(made.dataset, value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) made.style.setProperty(key, each);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

// Plotly reads <b>, <a href> and entities in its texts; a name from Prometheus is none of these.
export function plotlyText(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// What a link may lead to: a dashboard of ours or a web page, never script.
export function safeUrl(text) {
  const url = URL.parse(text, location.href);
  return url && ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

