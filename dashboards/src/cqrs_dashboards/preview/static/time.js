// Time ranges and steps, as Grafana computes them.

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const UNITS = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY, M: 30 * DAY, y: 365 * DAY };
const MOST_POINTS = 11000; // that Prometheus answers per series

export const QUICK_RANGES = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d"];

// "5m" → milliseconds; null when it is no duration.
export function parseDuration(text) {
  const found = /^(\d+(?:\.\d+)?)(ms|[smhdwMy])$/.exec(text);
  return found ? Number(found[1]) * UNITS[found[2]] : null;
}

export function formatDuration(ms) {
  for (const unit of ["y", "w", "d", "h", "m", "s"]) {
    if (ms >= UNITS[unit] && ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

// "now", "now-1h", "now/d", epoch milliseconds or an ISO date → milliseconds; null when none of them.
export function parseTime(text, now) {
  const relative = /^now(?:([-+])(\d+(?:ms|[smhdwMy])))?(?:\/([hd]))?$/.exec(text);
  if (relative) {
    const [, sign, duration, unit] = relative;
    const at = now + (duration ? parseDuration(duration) : 0) * (sign === "-" ? -1 : 1);
    return unit ? startOf(at, unit) : at;
  }
  if (/^\d+$/.test(text)) return Number(text);
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed;
}

function startOf(at, unit) {
  const date = new Date(at);
  return unit === "d" ? date.setHours(0, 0, 0, 0) : date.setMinutes(0, 0, 0);
}

// The step that a panel's width asks for, rounded to one that people read; not below `least`.
export function interval(range, points, least) {
  const floor = Math.max(least, Math.ceil(range / MOST_POINTS / SECOND) * SECOND);
  const wanted = range / Math.max(points, 1);
  if (wanted <= floor) return floor;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND,
    20 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 20 * MINUTE,
    30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY,
  ];
  // Grafana's rule: the largest step whose geometric neighbourhood holds the wanted one.
  const next = steps.findIndex((step, index) => wanted < (step + (steps[index + 1] ?? Infinity)) / 2);
  return Math.max(steps[next], floor);
}

// Grafana aligns a range to its step, so that a refresh moves points and does not resample them.
export function align({ from, to }, step) {
  return { from: Math.floor(from / step) * step, to: Math.floor(to / step) * step, step };
}

// Ticks in local time for an axis of `width` pixels: [milliseconds, text].
export function timeTicks(from, to, width) {
  const steps = [1, 2, 5, 10, 15, 30].map((n) => n * SECOND)
    .concat([1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), [1, 2, 3, 6, 12].map((n) => n * HOUR))
    .concat([1, 2, 7, 14, 30, 90].map((n) => n * DAY));
  const most = Math.max(2, Math.floor(width / 75));
  const step = steps.find((each) => (to - from) / each <= most) ?? 365 * DAY;
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((from - offset) / step) * step + offset; at <= to; at += step) {
    ticks.push([at, tickText(at, step)]);
  }
  return ticks;
}

function tickText(at, step) {
  const date = new Date(at), two = (n) => String(n).padStart(2, "0");
  const day = `${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= DAY) return day;
  if (step < MINUTE) return `${clock}:${two(date.getSeconds())}`;
  return clock === "00:00" ? day : clock;
}

export function formatTime(at) {
  const two = (n) => String(n).padStart(2, "0"), date = new Date(at);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}
