// What the page asks of the preview's server.

export async function getJson(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams(parameters).toString();
  let answer;
  try {
    answer = await fetch(query ? `${path}?${query}` : path, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The preview has ended: start cqrs-dashboards preview again");
  }
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  const body = isJson ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw new Error(body.error || `${path} answers ${answer.status}`);
  return body;
}

async function ask(path, parameters, signal) {
  return (await getJson(path, parameters, signal)).data;
}

// Times are milliseconds everywhere on the page; Prometheus wants seconds.
export async function queryRange(query, { from, to, step }, signal) {
  const times = { start: from / 1000, end: to / 1000, step: step / 1000 };
  const { resultType, result } = await ask("/api/query_range", { query, ...times }, signal);
  if (resultType !== "matrix") return [];
  return result.map(({ metric, values = [] }) => ({ labels: metric, points: values.map(point) }));
}

export async function queryInstant(query, { to }, signal) {
  const { resultType, result } = await ask("/api/query", { query, time: to / 1000 }, signal);
  if (resultType === "scalar") return [{ labels: {}, points: [point(result)] }];
  if (resultType !== "vector") throw new Error(`the preview draws no instant ${resultType}`);
  return result.filter((each) => each.value).map(({ metric, value }) => ({ labels: metric, points: [point(value)] }));
}

// [{at, value, labels}] of every series that the query reads; Prometheus keeps the latest few.
export async function queryExemplars(query, { from, to }, signal) {
  const series = await ask("/api/query_exemplars", { query, start: from / 1000, end: to / 1000 }, signal);
  return (series ?? []).flatMap(({ exemplars }) => exemplars.map(({ labels, value, timestamp }) => {
    const [at, number] = point([timestamp, value]);
    return { at, value: number, labels };
  }));
}

export function labelValues(label, selector, { from, to }, signal) {
  const matching = selector ? { "match[]": selector } : {};
  return ask("/api/label_values", { label, ...matching, start: from / 1000, end: to / 1000 }, signal);
}

const NOT_FINITE = { NaN, "+Inf": Infinity, "-Inf": -Infinity };

function point([seconds, text]) {
  return [seconds * 1000, text in NOT_FINITE ? NOT_FINITE[text] : Number(text)];
}
