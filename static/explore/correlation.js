// A correlation's story: keys, and what stays when a part of the page is replaced.
import { currentLine, deselect, focusLine, lines, remark, selected, setAddress, watchSelection } from "./story-selection.js";
import { redraw, watchZoom, zoomBy, zoomText } from "./story-zoom.js";

const AFTER_G_MS = 1500;
let wentAt = 0;
let key = "";

function move(by) {
  const all = lines();
  const at = all.indexOf(currentLine());
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
  const line = all[Math.min(Math.max(next, 0), all.length - 1)];
  if (line) focusLine(line);
}

function toggle(state) {
  const button = currentLine()?.querySelector(`[data-toggle="${state}"]`);
  button?.click();
  return Boolean(button);
}

function close() {
  const line = currentLine();
  if (!line || toggle("open")) return;
  const above = lines().slice(0, lines().indexOf(line)).reverse();
  const parent = above.find((one) => Number(one.dataset.indent) < Number(line.dataset.indent));
  if (parent) focusLine(parent);
}

// The failed line after the current one, or the first; those that are not shown are asked for.
function nextFailure() {
  const all = lines();
  const failed = all.filter((line) => line.hasAttribute("data-failed"));
  const at = all.indexOf(currentLine());
  const next = failed.find((line) => all.indexOf(line) > at) || failed[0];
  if (next) focusLine(next);
  else document.querySelector("[name=failures]:not(:disabled)")?.click();
}

const actions = {
  j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  h: close, ArrowLeft: close, l: () => toggle("closed"), ArrowRight: () => toggle("closed"),
  n: nextFailure, "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), 0: () => zoomBy(0),
  Enter: () => document.getElementById("story-panel").focus(), Escape: deselect,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  const inLines = event.target.matches(".ex-line");
  if (!inLines && /^(Arrow|Enter)/.test(event.key)) return;
  const went = wentAt;
  wentAt = event.key === "g" ? Date.now() : 0;
  if (Date.now() - went < AFTER_G_MS || !Object.hasOwn(actions, event.key)) return;
  event.preventDefault();
  actions[event.key]();
}

// What is asked for next carries what only this page knows: the zoom and the selection.
function onRequest(event) {
  const { elt } = event.detail;
  if (!elt.closest("#story-view")) return;
  key = elt.closest(".ex-line")?.dataset.key || "";
  const [path, query = ""] = event.detail.path.split("?");
  const asked = new URLSearchParams(query);
  for (const [name, value] of [["zoom", zoomText()], ["event", selected()]]) {
    if (value) asked.set(name, value);
    else asked.delete(name);
  }
  event.detail.path = `${path}?${asked}`;
  for (const [name, value] of [...event.detail.formData]) {
    if (!value) event.detail.formData.delete(name);
  }
}

function onSwapped() {
  redraw();
  remark();
  if (key) lines().find((line) => line.dataset.key === key)?.focus({ preventScroll: true });
  key = "";
}

watchZoom();
watchSelection();
document.addEventListener("keydown", onKey);
document.addEventListener("htmx:configRequest", onRequest);
document.addEventListener("htmx:afterSettle", onSwapped);
document.addEventListener("es:story-zoom", () => setAddress("zoom", zoomText()));
