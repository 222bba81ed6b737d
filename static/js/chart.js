// Draws figures that were built on the server: colours are read from the style sheet, times are
// shown local. Plotly is loaded when the first chart is drawn.
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false };
const NARROW = 640;
const FEW = 3;
const COLOUR = /^var\((--[\w-]+)\)$/;

let loading = null;

function load() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ||= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.getElementById("plotly.js-style-global").dataset.script;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return loading;
}

// Plotly shows moments given in ms as local wall clock, and tells a zoom as such a clock's words.
function fromClock(value) {
  return typeof value === "number" ? value : new Date(String(value).replace(" ", "T")).getTime();
}

function coloured(value, styles) {
  if (typeof value === "string") {
    const match = COLOUR.exec(value);
    return match ? styles.getPropertyValue(match[1]).trim() : value;
  }
  if (Array.isArray(value)) return value.map((each) => coloured(each, styles));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, styles)]));
  }
  return value;
}

function highest(figure) {
  let top = 0;
  for (const trace of figure.data) for (const y of trace.y) if (y > top) top = y;
  return top;
}

// The y axis follows the data; an objective far above them is told at the top edge instead of
// flattening the lines (see Fit in dashboard/live/figures.py).
export function fitted(layout, figure) {
  const fit = layout.meta?.fit;
  if (!fit) return layout;
  const top = highest(figure);
  const near = fit.objective <= top * fit.within || (!top && !fit.least);
  const end = near ? Math.max(fit.objective, top) : top || fit.least;
  layout.yaxis.range = [0, end * fit.headroom];
  if (!near) {
    layout.annotations = [fit.far];
    layout.shapes = layout.shapes.filter((shape) => shape.name !== "objective");
    layout.margin.r = 8;
  }
  return layout;
}

// On a narrow page many names stand below the chart, which grows by their rows.
function narrowed(layout, lines) {
  layout.xaxis.nticks = 4;
  if (lines <= FEW) return;
  layout.margin.t = 8;
  layout.legend = { ...layout.legend, y: -0.12, yanchor: "top" };
}

function heightOf(figure) {
  const lines = figure.data.length;
  const rows = innerWidth < NARROW && figure.layout.showlegend && lines > FEW ? lines : 0;
  return rows ? `${15 + rows * 1.5}rem` : "";
}

function prepared(figure) {
  const styles = getComputedStyle(document.documentElement);
  const { data, layout } = figure;
  const traces = data.map((trace) => ({
    ...coloured({ ...trace, x: null, y: null }, styles), x: [...trace.x], y: [...trace.y],
  }));
  const shown = coloured(layout, styles);
  shown.font.family = styles.getPropertyValue("--es-font");
  if (innerWidth < NARROW) narrowed(shown, traces.length);
  return { traces, layout: fitted(shown, figure) };
}

// One chart. Emits "zoom" {since, until}, "reset", "point" {ms, meta}, "hover" {ms | null}.
export class Chart extends EventTarget {
  constructor(element) {
    super();
    this.element = element;
    this.figure = null;
    this.held = false;
    this.hovered = null;
    this.bound = false;
    element.addEventListener("pointerdown", () => { this.held = true; });
    addEventListener("pointerup", () => this.release());
    document.addEventListener("es:theme", () => this.draw());
  }

  async show(figure, note) {
    this.figure = figure;
    const empty = !figure.data.some((trace) => trace.y.some((y) => y !== null));
    this.note(empty ? note : "");
    await this.draw();
  }

  note(text) {
    let place = this.element.querySelector(":scope > .es-chart-note");
    if (!place) {
      place = document.createElement("p");
      place.className = "es-chart-note";
      this.element.append(place);
    }
    place.textContent = text || "";
    place.hidden = !text;
  }

  async draw() {
    if (!this.figure || this.held) return;
    const Plotly = await load();
    this.element.style.height = heightOf(this.figure);
    const { traces, layout } = prepared(this.figure);
    await Plotly.react(this.element, traces, layout, CONFIG);
    if (!this.bound) this.bind();
    if (this.hovered !== null) Plotly.Fx.hover(this.element, { xval: this.axis().d2c(this.hovered) }, "xy");
  }

  axis() {
    return this.element._fullLayout.xaxis;
  }

  release() {
    if (!this.held) return;
    setTimeout(() => { this.held = false; }, 0);
  }

  bind() {
    this.bound = true;
    this.element.on("plotly_relayout", (change) => this.zoomed(change));
    this.element.on("plotly_doubleclick", () => this.emit("reset"));
    this.element.on("plotly_click", (event) => this.clicked(event));
    this.element.on("plotly_hover", (event) => this.hover(event));
    this.element.on("plotly_unhover", () => { this.hovered = null; this.emit("hover", { ms: null }); });
    this.element.addEventListener("pointerleave", () => { this.hovered = null; });
  }

  zoomed(change) {
    const from = change["xaxis.range[0]"];
    const until = change["xaxis.range[1]"];
    if (from === undefined || until === undefined) return;
    this.emit("zoom", { since: Math.round(fromClock(from)), until: Math.round(fromClock(until)) });
  }

  hover(event) {
    const [point] = event.points;
    this.hovered = point.data.x[point.pointIndex] ?? null;
    this.emit("hover", { ms: this.hovered });
  }

  clicked(event) {
    const near = nearest(event);
    if (near) this.emit("point", { ms: near.data.x[near.pointIndex], meta: near.data.meta });
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function nearest(event) {
  const y = event.event.offsetY;
  const away = (point) => Math.abs(point.yaxis.d2p(point.y) + point.yaxis._offset - y);
  return [...event.points].sort((a, b) => away(a) - away(b))[0];
}
