// Which part of the story's time is drawn. In the address it is zoom=from-until, in ms after the start.
import { duration } from "../js/numbers.js";

const LEAST_MS = 1;
const drawn = new WeakMap();
let range = null;

function stage() {
  return document.querySelector("[data-story]");
}

function whole() {
  return Number(stage()?.dataset.duration) || 0;
}

export function zoomText() {
  return range ? range.map((ms) => Number(ms.toFixed(3))).join("-") : "";
}

// A rectangle's and a dot's place as the server drew it, in percent of the whole story.
function place(mark) {
  if (!drawn.has(mark)) {
    const at = parseFloat(mark.getAttribute("x") ?? mark.getAttribute("cx"));
    drawn.set(mark, { at, width: parseFloat(mark.getAttribute("width")) });
  }
  return drawn.get(mark);
}

function draw(mark, from, share) {
  const { at, width } = place(mark);
  const name = mark.tagName === "circle" ? "cx" : "x";
  mark.setAttribute(name, `${(at - from) / share}%`);
  if (name === "x") mark.setAttribute("width", `${width / share}%`);
}

function label(from, until) {
  const ticks = [...stage().querySelectorAll(".ex-ticks > span:not(.ex-brush)")];
  ticks.forEach((tick, number) => {
    tick.textContent = duration(from + ((until - from) * number) / (ticks.length - 1));
  });
}

function frame(from, until) {
  const frame = stage().querySelector(".ex-window");
  if (!frame) return;
  frame.hidden = !range;
  frame.style.left = `${(from / whole()) * 100}%`;
  frame.style.width = `${((until - from) / whole()) * 100}%`;
}

export function redraw(root = stage()) {
  if (!stage() || !whole()) return;
  const [from, until] = range || [0, whole()];
  const share = (until - from) / whole();
  stage().toggleAttribute("data-zoomed", Boolean(range));
  for (const mark of root.querySelectorAll(".ex-bars rect, .ex-bars circle")) {
    draw(mark, (from / whole()) * 100, share);
  }
  label(from, until);
  frame(from, until);
}

// Shows from ... until, kept inside the story; all of it when nothing is left out.
export function zoomTo(from, until) {
  const least = Math.min(LEAST_MS, whole());
  const start = Math.max(0, Math.min(from, whole() - least));
  const end = Math.min(whole(), Math.max(until, start + least));
  range = start <= 0 && end >= whole() ? null : [start, end];
  redraw();
  document.dispatchEvent(new CustomEvent("es:story-zoom"));
}

export function zoomBy(factor) {
  if (!factor) return zoomTo(0, whole());
  const [from, until] = range || [0, whole()];
  const middle = (from + until) / 2;
  const half = ((until - from) * factor) / 2;
  zoomTo(middle - half, middle + half);
}

function part(brush, x) {
  const box = brush.getBoundingClientRect();
  return Math.max(0, Math.min(1, (x - box.left) / box.width));
}

// The axis shows what is zoomed to; the map always shows all.
function shown(brush) {
  return brush.matches(".ex-map") || !range ? [0, whole()] : range;
}

function drag(brush, event) {
  const begin = part(brush, event.clientX);
  const mark = document.createElement("span");
  mark.className = "ex-brush";
  brush.append(mark);
  brush.setPointerCapture(event.pointerId);
  const ends = (now) => [Math.min(begin, now), Math.max(begin, now)];
  const move = ({ clientX }) => {
    const [left, right] = ends(part(brush, clientX));
    mark.style.left = `${left * 100}%`;
    mark.style.width = `${(right - left) * 100}%`;
  };
  const stop = ({ type, clientX }) => {
    brush.removeEventListener("pointermove", move);
    mark.remove();
    const [left, right] = ends(part(brush, clientX));
    if (type === "pointercancel" || right - left < 0.005) return;
    const [from, until] = shown(brush);
    zoomTo(from + left * (until - from), from + right * (until - from));
  };
  brush.addEventListener("pointermove", move);
  brush.addEventListener("pointerup", stop, { once: true });
  brush.addEventListener("pointercancel", stop, { once: true });
}

export function watchZoom() {
  const asked = /^([\d.]+)-([\d.]+)$/.exec(stage()?.dataset.zoom || "");
  if (asked) zoomTo(Number(asked[1]), Number(asked[2]));
  document.addEventListener("pointerdown", (event) => {
    const brush = event.target.closest?.("[data-brush]");
    if (brush && event.button === 0) drag(brush, event);
  });
  document.addEventListener("dblclick", (event) => {
    if (event.target.closest?.("[data-brush]")) zoomBy(0);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-zoom-by]");
    if (button) zoomBy(Number(button.dataset.zoomBy));
  });
}
