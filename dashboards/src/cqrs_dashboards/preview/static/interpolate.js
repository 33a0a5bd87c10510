// Variables and macros in queries, titles and links, replaced as Grafana replaces them.

const REFERENCE = /\$(\w+)|\$\{(\w+)(?:\.([\w.]+))?(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g;
const ALL = "$__all";

// `values` maps a name to {values, texts, allValue, multi}. `defaultFormat` is what a reference
// without format means: "prometheus" in queries, "text" in titles. Unknown names stay as they are.
export function interpolate(text, values, defaultFormat = "prometheus") {
  return text.replace(REFERENCE, (whole, plain, braced, path, bracedFormat, squared, squaredFormat) => {
    const variable = values[plain ?? braced ?? squared];
    if (variable === undefined) return whole;
    return format(variable, bracedFormat ?? squaredFormat ?? defaultFormat);
  });
}

// The values that a choice stands for: "All" is every option.
function chosen({ values, options = [] }) {
  return values.includes(ALL) ? options : values;
}

function format(variable, name) {
  const isAll = variable.values.includes(ALL);
  if (name === "text") return isAll ? "All" : (variable.texts ?? variable.values).join(" + ");
  // In an address All stays All: the page behind the link knows it.
  if (isAll && name === "queryparam") return FORMATS.queryparam([ALL], variable);
  if (isAll && variable.allValue) return name === "percentencode" ? encodeURIComponent(variable.allValue) : variable.allValue;
  const values = chosen(variable).map(String);
  const make = FORMATS[name] ?? FORMATS.glob;
  return make(values, variable);
}

const FORMATS = {
  prometheus: (values, { multi }) => {
    if (!multi) return values.map(escapeString).join(",");
    const escaped = values.map((value) => escapeString(escapeRegex(value)));
    return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
  },
  regex: (values) => {
    const escaped = values.map(escapeRegex);
    return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
  },
  pipe: (values) => values.join("|"),
  csv: (values) => values.join(","),
  raw: (values) => values.join(","),
  glob: (values) => (values.length === 1 ? values[0] : `{${values.join(",")}}`),
  json: (values) => JSON.stringify(values.length === 1 ? values[0] : values),
  doublequote: (values) => values.map((value) => `"${value.replaceAll('"', '\\"')}"`).join(","),
  singlequote: (values) => values.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(","),
  date: ([at]) => new Date(Number(at)).toISOString(),
  percentencode: (values) => encodeURIComponent(FORMATS.glob(values)),
  queryparam: (values, { name }) => values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join("&"),
};

function escapeRegex(text) {
  return text.replace(/[\\^$*+?.()|[\]{}]/g, "\\$&");
}

// For a double-quoted PromQL string. Grafana forgets quotes and newlines; a type's name may have them.
function escapeString(text) {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

// {{label}} in a legend format.
export function formatLegend(format, labels) {
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_whole, label) => labels[label] ?? "");
}
