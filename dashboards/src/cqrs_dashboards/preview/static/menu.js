// One small menu of links, at the mouse: what a point, a value or a panel leads to.

import { element } from "./dom.js";

const menu = () => document.getElementById("menu");

// An anchor for a resolved link, or its title where only Grafana can follow it.
export function anchor({ title, href, blank }) {
  if (!href) return element("span", { class: "elsewhere", title: "This page is Grafana's; the preview has none" }, `${title} (in Grafana)`);
  return element("a", { href, target: blank ? "_blank" : null, rel: "noopener noreferrer" }, title);
}

// `rows` are [{name, text}] that stay to be read and copied, `links` as resolveLinks gives them.
export function showMenu(title, rows, links, { clientX, clientY }) {
  if (!rows.length && !links.length) return;
  const lines = rows.map(({ name, text }) => element("p", {}, element("small", {}, `${name} `), text));
  const box = menu();
  box.replaceChildren(element("strong", {}, title), ...lines, ...links.map((link) => element("p", {}, anchor(link))));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(clientX + 4, innerWidth - width - 4))}px`;
  box.style.top = `${Math.max(4, Math.min(clientY + 4, innerHeight - height - 4))}px`;
}

export function hideMenu() {
  menu().hidden = true;
}

export function initMenu() {
  document.addEventListener("pointerdown", ({ target }) => menu().contains(target) || hideMenu());
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hideMenu());
  addEventListener("scroll", hideMenu, { passive: true });
}

// Makes an element that shows a value open the menu of its field's links, by mouse or by keyboard.
export function openWith(target, title, links) {
  if (!links.length) return target;
  const open = (event) => showMenu(title, [], links, event);
  target.classList.add("linked");
  target.setAttribute("role", "button");
  target.tabIndex = 0;
  target.addEventListener("click", open);
  target.addEventListener("keydown", (event) => {
    const { left, bottom } = target.getBoundingClientRect();
    if (["Enter", " "].includes(event.key)) open({ clientX: left, clientY: bottom });
  });
  return target;
}
