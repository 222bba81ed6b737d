// Puts a tick's seconds into figures. Pure but for the figures it is given.
const LEAST_SHOWN = 60000;
const OTHER = "other";
const FIELDS = { p: (series) => series.p, n: (series) => series.n, e: (series) => series.e };

function line(meta, groups) {
  const series = groups[meta.group];
  if (!series) return null;
  if (meta.field === "q") return series.q[meta.kind]?.[meta.index] ?? null;
  return FIELDS[meta.field](series) ?? null;
}

// What a second of the trace is that the tick has no number for. A group that the tick does not tell
// apart is within its rest, so nothing is known of it; a rest that is not told is nothing.
function missing(meta, groups) {
  const counted = meta.field === "p" || meta.field === "n";
  return counted && (meta.group in groups || meta.group === OTHER) ? 0 : null;
}

// Quantiles of a breakdown are p95 alone; of the total they are p50, p95 and p99.
function put(trace, times, known, values, nothing, step, since) {
  for (let place = 0; place < times.length; place += 1) {
    const ms = times[place];
    let index = Math.round((ms - trace.x[0]) / step);
    if (index < 0) continue;
    while (trace.x.length <= index) {
      trace.x.push(trace.x.length ? trace.x[trace.x.length - 1] + step : ms);
      trace.y.push(null);
    }
    trace.y[index] = known[place] ? values?.[place] ?? nothing : null;
  }
  let old = 0;
  while (old < trace.x.length - 1 && trace.x[old] < since) old += 1;
  trace.x.splice(0, old);
  trace.y.splice(0, old);
}

// True if what is drawn is what the tick tells: the same groups, and a line for each latency that was asked
// for. If not, the figures should be fetched again.
export function extend(figures, tick, meta) {
  const groups = tick.by[meta.by] || {};
  const until = tick.times[tick.times.length - 1] + meta.step;
  const since = until - (meta.until - meta.since);
  for (const figure of Object.values(figures)) {
    for (const trace of figure.data) {
      if (!trace.x.length) trace.x.push(tick.times[0]), trace.y.push(null);
      put(trace, tick.times, tick.known, line(trace.meta, groups), missing(trace.meta, groups), meta.step, since);
    }
    figure.layout.xaxis.range = [Math.max(since, Math.min(meta.begun, until - LEAST_SHOWN)), until];
    mark(figure, tick.services || [], since);
  }
  return complete(figures, groups, meta);
}

function complete(figures, groups, meta) {
  const shown = new Set(figures.throughput.data.map((trace) => trace.meta.group));
  const measured = new Set(figures.latency.data.map((trace) => `${trace.meta.kind} ${trace.meta.group}`));
  const names = Object.keys(groups);
  const lacks = (kind) => names.some((name) => groups[name].q[kind] && !measured.has(`${kind} ${name}`));
  return names.every((name) => shown.has(name))
    && [...shown].every((name) => name in groups || name === OTHER)
    && !lacks(meta.latency) && !lacks(meta.wanted);
}

function mark(figure, services, since) {
  const shapes = figure.layout.shapes || [];
  const model = { type: "line", yref: "paper", y0: 0, y1: 1, name: "service", line: { color: "var(--es-marker)", width: 1, dash: "dot" } };
  const there = new Set(shapes.filter((shape) => shape.name === "service").map((shape) => shape.x0));
  const fresh = services.filter((service) => !there.has(service.at)).map((service) => ({ ...model, x0: service.at, x1: service.at }));
  figure.layout.shapes = [...shapes.filter((shape) => shape.xref === "paper" || shape.x1 > since), ...fresh];
}
