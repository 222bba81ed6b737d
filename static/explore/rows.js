// Rows of the list: moving, selecting, and the menu of one row.
import { announce } from "../js/copy.js";
import { copiesOf, copyLater } from "./copying.js";
import { panelOpen, showInPanel } from "./panel.js";

const MOST_COPIED = 100;
const table = document.querySelector("table[data-keys]");

function rows() {
  return table ? [...table.tBodies[0].rows] : [];
}

function current() {
  return document.activeElement?.closest("table[data-keys] tbody tr");
}

function move(step) {
  const all = rows();
  const at = all.indexOf(current() || table?.querySelector("tr[data-last]"));
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  const row = all[Math.min(Math.max(next, 0), all.length - 1)];
  if (!row) return;
  mark(row);
  row.focus();
  row.scrollIntoView({ block: "nearest" });
  if (panelOpen()) showInPanel(row);
}

// Where j and k go on from after the focus went elsewhere.
function mark(row) {
  table.querySelector("tr[data-last]")?.removeAttribute("data-last");
  row.dataset.last = "";
}

function picked() {
  return rows().filter((row) => row.querySelector("[data-pick]").checked);
}

function showSelection() {
  const bar = document.querySelector("[data-selection]");
  const chosen = picked();
  bar.hidden = !chosen.length;
  bar.querySelector("[data-selection-count]").textContent = `${chosen.length} selected`;
  for (const row of rows()) row.toggleAttribute("data-picked", chosen.includes(row));
}

function pick(row) {
  const box = row.querySelector("[data-pick]");
  box.checked = !box.checked;
  showSelection();
}

async function jsonOf(chosen) {
  const found = [];
  for (const row of chosen) found.push((await copiesOf(row.dataset.copies)).json);
  return found.join("\n");
}

function copySelection(kind) {
  const chosen = picked();
  if (kind === "id") {
    copyLater(Promise.resolve(chosen.map((row) => row.dataset.id).join("\n")));
  } else if (chosen.length > MOST_COPIED) {
    announce(`More than ${MOST_COPIED} events: download them instead`);
  } else {
    copyLater(jsonOf(chosen));
  }
}

function openMenu(button) {
  const menu = document.getElementById("row-menu");
  const row = button.closest("tr");
  menu.dataset.copies = row.dataset.copies;
  menu.querySelector("[data-row-story]").href = row.dataset.story;
  menu.showPopover({ source: button });
  const place = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = place.bottom + height < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(place.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? place.bottom : Math.max(8, place.top - height)}px`;
  menu.querySelector("button")?.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open], [popover]")) return;
  const row = current();
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    move(event.key === "j" ? 1 : -1);
  } else if (!row) {
    return;
  } else if (event.key === "Enter" && event.target === row) {
    location.assign(row.dataset.href);
  } else if (event.key === "o") {
    showInPanel(row);
  } else if (event.key === "x") {
    pick(row);
  } else if (event.key === "c") {
    copyLater(Promise.resolve(row.dataset.id));
  }
}

function onClick(event) {
  const { target } = event;
  const row = target.closest("table[data-keys] tbody tr");
  if (row) mark(row);
  if (target.closest("[data-look]")) showInPanel(row);
  if (target.closest("[data-row-menu]")) openMenu(target.closest("[data-row-menu]"));
  const copy = target.closest("[data-selection-copy]");
  if (copy) copySelection(copy.dataset.selectionCopy);
  if (target.closest("[data-selection-clear]")) {
    for (const one of picked()) one.querySelector("[data-pick]").checked = false;
    showSelection();
  }
  if (target.closest("#row-menu [data-copy-as]")) {
    setTimeout(() => document.getElementById("row-menu").hidePopover(), 400);
  }
}

export function watchRows() {
  if (!table) return;
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  table.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick]")) showSelection();
  });
}
