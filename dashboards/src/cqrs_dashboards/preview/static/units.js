// Values in Grafana's units: the same scale, decimals and suffix that Grafana prints.

const TIME = [
  ["ns", 1e-9], ["µs", 1e-6], ["ms", 1e-3], ["s", 1], ["mins", 60], ["hours", 3600],
  ["days", 86400], ["weeks", 604800], ["years", 31536000],
];
const SECONDS_PER = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400 };
// Grafana goes from days straight to years for milliseconds, and knows weeks for seconds.
const WITHOUT_WEEKS = new Set(["ns", "µs", "ms"]);
const COUNTS = {
  ops: "ops/s", reqps: "req/s", rps: "rd/s", wps: "wr/s", iops: "io/s", cps: "c/s", eps: "evt/s",
  mps: "msg/s", recps: "rec/s", rowsps: "rows/s", opm: "ops/m", rpm: "rd/m", wpm: "wr/m", reqpm: "req/m",
};
const BYTES = {
  bytes: ["B", 1024], decbytes: ["B", 1000], bits: ["b", 1024], decbits: ["b", 1000],
  Bps: ["B/s", 1000], binBps: ["B/s", 1024], bps: ["b/s", 1000], binbps: ["b/s", 1024],
};
const CHOICES = { bool: ["True", "False"], bool_yes_no: ["Yes", "No"], bool_on_off: ["On", "Off"] };

// `value` as text. `decimals` null or undefined means Grafana's own choice.
export function formatValue(value, unit = "none", decimals = null) {
  if (value === null || value === undefined) return "";
  if (Number.isNaN(value)) return "NaN";
  if (value in INFINITE) return INFINITE[value];
  const [scaled, suffix, least] = scale(value, unit);
  const text = typeof scaled === "string" ? scaled : fixed(scaled, decimals ?? least ?? null);
  return unit.startsWith("prefix:") ? suffix + text : text + suffix;
}

const INFINITE = { Infinity: "+Inf", "-Infinity": "-Inf" };

function scale(value, unit) {
  if (unit === "none" || unit === "") return [value, ""];
  if (unit === "short") return thousands(value, 1000, ["", " K", " Mil", " Bil", " Tri", " Quadr"]);
  if (unit === "percent") return [value, "%"];
  if (unit === "percentunit") return [value * 100, "%"];
  if (unit in SECONDS_PER) return duration(value, unit);
  if (unit in COUNTS) {
    const [scaled, prefix] = thousands(value, 1000, ["", "K", "M", "B", "T"]);
    return [scaled, prefix ? `${prefix} ${COUNTS[unit]}` : ` ${COUNTS[unit]}`];
  }
  if (unit in BYTES) {
    const [name, base] = BYTES[unit], binary = base === 1024;
    const prefixes = binary ? ["", "Ki", "Mi", "Gi", "Ti", "Pi"] : ["", "k", "M", "G", "T", "P"];
    const [scaled, prefix] = thousands(value, base, prefixes);
    return [scaled, ` ${prefix}${name}`];
  }
  if (unit in CHOICES) return [CHOICES[unit][value ? 0 : 1], ""];
  if (unit === "locale") return [value.toLocaleString(), ""];
  if (unit === "dateTimeAsIso") return [new Date(value).toISOString().replace("T", " ").slice(0, 19), ""];
  if (unit === "dateTimeFromNow") {
    const [ago, name] = duration(Math.abs(Date.now() - value), "ms");
    return [`${fixed(ago, 0)}${name}${value < Date.now() ? " ago" : " from now"}`, ""];
  }
  const own = /^(prefix|suffix):(.*)$/s.exec(unit);
  return [value, own ? own[2] : ` ${unit}`];
}

function thousands(value, base, names) {
  let index = 0;
  while (Math.abs(value) >= base && index < names.length - 1) [value, index] = [value / base, index + 1];
  return [value, names[index]];
}

function duration(value, unit) {
  const seconds = value * SECONDS_PER[unit];
  if (value === 0) return [0, ` ${unit === "m" ? "min" : unit === "h" ? "hour" : unit === "d" ? "day" : unit}`];
  const scales = WITHOUT_WEEKS.has(unit) ? TIME.filter(([name]) => name !== "weeks") : TIME;
  // Grafana scales seconds down as well, the others only up.
  const least = unit === "s" ? 0 : scales.findIndex(([, size]) => size === SECONDS_PER[unit]);
  let index = least;
  // A hair of tolerance: 60000 * 1e-3 is to be a minute.
  while (index < scales.length - 1 && Math.abs(seconds) * (1 + 1e-12) >= scales[index + 1][1]) index += 1;
  const [name, size] = scales[index], scaled = seconds / size;
  const singular = { mins: "min", hours: "hour", days: "day", weeks: "week", years: "year" };
  return [Number(scaled.toPrecision(12)), ` ${scaled === 1 || WITHOUT_WEEKS.has(unit) ? (singular[name] ?? name) : name}`];
}

function fixed(value, decimals) {
  if (decimals === null) decimals = ownDecimals(value);
  const text = (Math.round(value * 10 ** decimals) / 10 ** decimals).toFixed(Math.min(decimals, 100));
  return text === "-0" ? "0" : text;
}

// Grafana's: three significant digits, none for whole numbers.
function ownDecimals(value) {
  if (value === 0 || value % 1 === 0) return 0;
  const digits = 1 - Math.floor(Math.log10(Math.abs(value)));
  return Math.min(Math.max(0, digits + (Math.abs(value) * 10 ** digits > 2.25 ? 1 : 0)), 20);
}

// Ticks of a value axis between two bounds: [value, text], at most `most` of them.
export function valueTicks(low, high, unit, decimals, most) {
  const base = unit === "percentunit" ? 0.01 : 1;
  const rough = (high - low) / Math.max(most, 1);
  if (!(rough > 0)) return [[low, formatValue(low, unit, decimals)]];
  const power = 10 ** Math.floor(Math.log10(rough / base)) * base;
  let step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((each) => each >= rough * 0.75);
  if (decimals === 0) step = Math.max(step, base);
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-6; index += 1) {
    const value = Number((index * step).toPrecision(12));
    ticks.push([value, tickText(value, unit, decimals)]);
  }
  return ticks;
}

function tickText(value, unit, decimals) {
  const text = formatValue(value, unit, decimals);
  return decimals === null || decimals === undefined ? text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "") : text;
}
