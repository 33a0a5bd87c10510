// Light or dark: what was chosen here, else ?theme= as in Grafana, else what the system prefers.

const KEY = "cqrs-preview-theme";

export function initTheme(button, changed) {
  const asked = new URLSearchParams(location.search).get("theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  apply([asked, localStorage.getItem(KEY)].find((each) => ["light", "dark"].includes(each)) ?? preferred);
  button.addEventListener("click", () => {
    apply(isDark() ? "light" : "dark");
    localStorage.setItem(KEY, document.documentElement.dataset.theme);
    changed();
  });
}

function apply(theme) {
  document.documentElement.dataset.theme = theme;
}

export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

export function themeColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
