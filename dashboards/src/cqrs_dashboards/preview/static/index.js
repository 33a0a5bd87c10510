// The list of dashboards.

import { element } from "./dom.js";
import { getJson } from "./api.js";
import { initTheme } from "./theme.js";

initTheme(document.getElementById("theme"), () => {});
const list = document.getElementById("list");
try {
  for (const { uid, title, description } of await getJson("/api/dashboards")) {
    const link = element("a", { href: `/d/${encodeURIComponent(uid)}` }, title || uid);
    list.append(element("article", {}, element("h2", {}, link), element("p", {}, description)));
  }
} catch (error) {
  list.append(element("p", { role: "alert" }, error.message));
}
document.body.dataset.ready = "true";
