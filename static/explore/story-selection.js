// The selected event: its line is marked, its details stand in the panel, the address names it.
const WAIT_MS = 120;
const wide = matchMedia("(min-width: 1201px)");
let waiting = 0;

function panel() {
  return document.getElementById("story-panel");
}

export function lines() {
  return [...document.querySelectorAll(".ex-line")];
}

export function currentLine() {
  return document.activeElement?.closest?.(".ex-line") || document.querySelector(".ex-line[aria-current]");
}

export function selected() {
  return new URL(location.href).searchParams.get("event") || "";
}

export function setAddress(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  if (name === "event") url.hash = "";
  history.replaceState(history.state, "", url);
}

function lineOf(id) {
  return document.querySelector(`.ex-line[data-event="${CSS.escape(id)}"]`);
}

function mark(id) {
  for (const line of document.querySelectorAll(".ex-line[aria-current]")) line.removeAttribute("aria-current");
  for (const one of document.querySelectorAll("svg [data-select]")) one.toggleAttribute("data-current", one.dataset.select === id);
  lineOf(id)?.setAttribute("aria-current", "true");
}

function show(open) {
  panel().hidden = !open;
  document.querySelector("[data-stage]").toggleAttribute("data-panel", open);
}

function load(id) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const url = `?part=event&event=${encodeURIComponent(id)}`;
    // It is refused when a newer one takes its place (hx-sync): that one will show.
    htmx.ajax("GET", url, { source: panel(), target: panel(), swap: "innerHTML" }).then(() => show(true), () => {});
  }, WAIT_MS);
}

// Fetches the lines around an event that is folded away, filtered out or further down.
async function bring(id) {
  const url = new URL(location.href);
  for (const name of ["first", "closed", "type", "service", "failures"]) url.searchParams.delete(name);
  url.searchParams.set("event", id);
  url.hash = "";
  const view = document.getElementById("story-view");
  await htmx.ajax("GET", url.pathname + url.search, { source: view, target: view, select: "#story-view", swap: "outerHTML show:none" });
}

export async function select(id, { focus = true } = {}) {
  setAddress("event", id);
  if (!lineOf(id) && document.querySelector(".ex-lines")) await bring(id);
  mark(id);
  const line = lineOf(id);
  if (focus) line?.focus({ preventScroll: true });
  line?.scrollIntoView({ block: "nearest" });
  load(id);
}

export function deselect() {
  clearTimeout(waiting);
  setAddress("event", "");
  mark("");
  show(false);
}

export function focusLine(line) {
  line.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
  if (line.dataset.event) select(line.dataset.event);
}

function onClick(event) {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (target.closest("[data-panel-close]")) deselect();
  const link = target.closest("[data-select]");
  if (link) {
    event.preventDefault();
    select(link.dataset.select);
    return;
  }
  const line = target.closest(".ex-line[data-event]");
  if (line && !target.closest("a, button, summary, details, input") && !String(getSelection())) {
    select(line.dataset.event);
  }
}

function sayUnread() {
  panel().textContent = "This event could not be read. Select it again.";
  show(true);
}

export function watchSelection() {
  for (const name of ["htmx:responseError", "htmx:sendError"]) panel().addEventListener(name, sayUnread);
  document.addEventListener("click", onClick);
  if (!selected()) return;
  mark(selected());
  if (wide.matches) load(selected());
}

export function remark() {
  mark(selected());
}
