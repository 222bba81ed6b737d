// Events over time by outcome, drawn when the list is there. Dragging, or Shift and the arrows, narrows.
import { compact } from "../js/numbers.js";
import { localMoment } from "../js/time.js";

const ORDER = ["dead_lettered", "failed", "retried", "unprocessed", "", "delivered"];
const WORDS = { dead_lettered: "dead-lettered", "": "system" };
const HEIGHT = 98;
// Where the number of the highest bar stands, above all of them.
const HEAD = 14;
const FOOT = 18;
const SVG = "http://www.w3.org/2000/svg";

const card = document.querySelector("[data-histogram]");
const plot = card?.querySelector("[data-plot]");
let told = null;
let from = null;
let to = null;

function make(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function word(outcome) {
  return WORDS[outcome] ?? outcome;
}

function sum(counts) {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function place(at, width) {
  return (at * width) / told.bins.length;
}

function bars(width) {
  const top = Math.max(1, ...told.bins.map((bin) => sum(bin.counts)));
  const one = width / told.bins.length;
  const gap = one > 4 ? 1 : 0;
  const drawn = [];
  told.bins.forEach((bin, at) => {
    if (!bin.known) {
      // What was seen of a time that was not observed to its end, such as the present one, stands before it.
      drawn.push(make("rect", { class: "ex-unknown", x: place(at, width), y: 0, width: one, height: HEIGHT }));
    }
    let y = HEIGHT;
    for (const outcome of [...ORDER].reverse()) {
      const count = bin.counts[outcome];
      if (!count) continue;
      // What happened is seen, however rare it was.
      const height = Math.max(1.5, (count / top) * (HEIGHT - HEAD));
      y -= height;
      drawn.push(make("rect", { "data-outcome": outcome, x: place(at, width) + gap / 2, y, width: Math.max(1, one - gap), height }));
    }
  });
  return { drawn, top };
}

function hatch() {
  const line = make("path", { d: "M0 6L6 0", class: "ex-hatch" });
  const pattern = { id: "ex-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse" };
  return make("defs", {}, make("pattern", pattern, line));
}

function label(x, text, anchor) {
  const element = make("text", { x, y: HEIGHT + 13, "text-anchor": anchor });
  element.textContent = text;
  return element;
}

function draw() {
  const width = plot.clientWidth;
  if (!told || !width) return;
  const { drawn, top } = bars(width);
  const end = told.bins.at(-1).atMs + told.stepMs;
  const high = make("text", { x: 2, y: 10, class: "ex-high" });
  high.textContent = compact(top);
  const labels = [label(0, localMoment(told.fromMs).replace(/\.\d+$/, ""), "start"), label(width, localMoment(end).replace(/\.\d+$/, ""), "end")];
  if (width > 500) labels.push(label(width / 2, localMoment((told.fromMs + end) / 2).replace(/\.\d+$/, ""), "middle"));
  const floor = make("line", { class: "ex-floor", x1: 0, x2: width, y1: HEIGHT, y2: HEIGHT });
  const range = make("rect", { class: "ex-range", y: 0, height: HEIGHT, x: 0, width: 0, "data-range": "" });
  const box = { viewBox: `0 0 ${width} ${HEIGHT + FOOT}`, width, height: HEIGHT + FOOT, "aria-hidden": "true" };
  plot.replaceChildren(make("svg", box, hatch(), range, ...drawn, floor, high, ...labels));
  mark();
}

function legend() {
  const totals = {};
  for (const bin of told.bins) {
    for (const [outcome, count] of Object.entries(bin.counts)) totals[outcome] = (totals[outcome] || 0) + count;
  }
  const items = ORDER.filter((outcome) => totals[outcome]).map((outcome) => {
    const item = document.createElement("li");
    item.dataset.outcome = outcome;
    item.textContent = `${word(outcome)} ${compact(totals[outcome])}`;
    return item;
  });
  card.querySelector("[data-legend]").replaceChildren(...items);
}

function basis() {
  const each = `a bar is ${span(told.stepMs)}`;
  if (told.basis === "handlings") return `Handlings by the consumer asked for; ${each}`;
  if (told.basis === "counts") return `Exact, from counts; ${each}`;
  if (told.exact) return `Every event read; ${each}`;
  return `Read until ${localMoment(told.readUntilMs)}, beyond is not known; ${each}`;
}

function span(ms) {
  for (const [unit, size] of [["d", 86400000], ["h", 3600000], ["min", 60000]]) {
    if (ms >= size && ms % size === 0) return `${ms / size} ${unit}`;
  }
  return `${ms / 1000} s`;
}

function reading(at) {
  const bin = told.bins[at];
  const moment = localMoment(bin.atMs).replace(/\.\d+$/, "");
  const parts = ORDER.filter((outcome) => bin.counts[outcome]).map((outcome) => `${word(outcome)} ${compact(bin.counts[outcome])}`);
  if (!bin.known) return [moment, ...parts, parts.length ? "not observed to its end" : "not observed"];
  return [moment, ...(parts.length ? parts : ["no events"])];
}

function bounds() {
  return [Math.min(from, to), Math.max(from, to)];
}

function mark() {
  const range = plot.querySelector("[data-range]");
  if (!range) return;
  const [first, last] = from === null ? [0, -1] : bounds();
  const width = plot.clientWidth;
  range.setAttribute("x", place(first, width));
  range.setAttribute("width", place(last + 1, width) - place(first, width));
}

function narrow() {
  const [first, last] = bounds();
  const address = new URL(card.dataset.narrow, location.href);
  address.searchParams.set("since", new Date(told.bins[first].atMs).toISOString());
  address.searchParams.set("until", new Date(told.bins[last].atMs + told.stepMs).toISOString());
  location.assign(address);
}

function binAt(event) {
  const box = plot.getBoundingClientRect();
  const at = Math.floor(((event.clientX - box.left) / box.width) * told.bins.length);
  return Math.min(Math.max(at, 0), told.bins.length - 1);
}

function showTip(event) {
  const tip = card.querySelector("[data-tip]");
  const lines = reading(binAt(event)).map((text) => {
    const line = document.createElement("div");
    line.textContent = text;
    return line;
  });
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const box = card.getBoundingClientRect();
  const left = event.clientX - box.left + 12;
  tip.style.left = `${left + tip.offsetWidth > box.width ? left - tip.offsetWidth - 24 : left}px`;
  tip.style.top = `${plot.offsetTop + 8}px`;
}

function onKey(event) {
  if (!told || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) {
    event.preventDefault();
    const at = to === null ? (step > 0 ? 0 : told.bins.length - 1) : Math.min(Math.max(to + step, 0), told.bins.length - 1);
    to = at;
    if (!event.shiftKey || from === null) from = at;
    card.querySelector("[data-reading]").textContent = reading(at).join(", ");
  } else if (event.key === "Enter" && from !== null) {
    narrow();
  } else if (event.key === "Escape") {
    from = to = null;
  } else {
    return;
  }
  mark();
}

function watchDragging() {
  let dragging = false;
  plot.addEventListener("pointerdown", (event) => {
    if (!told || event.button) return;
    dragging = true;
    from = to = binAt(event);
    plot.setPointerCapture(event.pointerId);
    mark();
  });
  plot.addEventListener("pointermove", (event) => {
    if (!told) return;
    showTip(event);
    if (!dragging) return;
    to = binAt(event);
    mark();
  });
  plot.addEventListener("pointerup", (event) => {
    if (!dragging) return;
    dragging = false;
    to = binAt(event);
    narrow();
  });
  plot.addEventListener("pointerleave", () => {
    card.querySelector("[data-tip]").hidden = true;
  });
}

async function load() {
  const slow = setTimeout(() => card.setAttribute("aria-busy", "true"), 300);
  try {
    const answer = await fetch(card.dataset.histogram);
    if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
    told = await answer.json();
    legend();
    card.querySelector("[data-told]").textContent = basis();
    draw();
  } catch (error) {
    if (error.name !== "AbortError") card.querySelector("[data-told]").textContent = "The histogram could not be read; the list is not affected.";
  } finally {
    clearTimeout(slow);
    card.removeAttribute("aria-busy");
  }
}

export function watchHistogram() {
  if (!card) return;
  new ResizeObserver(draw).observe(plot);
  plot.addEventListener("keydown", onKey);
  watchDragging();
  load();
}
