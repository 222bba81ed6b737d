// One event: finding and folding in its envelope, neighbours by "[" and "]", "c" copies, "r" raw.
import { watchCopying } from "./copying.js";

watchCopying();

const card = document.querySelector("[data-json]");
const rows = card ? [...card.querySelectorAll(".ex-json-row")] : [];
const find = card?.querySelector("[data-json-find]");
const found = card?.querySelector("[data-json-found]");
const fold = card?.querySelector("[data-json-fold]");
let hits = [];
let at = -1;

function words(row) {
  const copy = row.cloneNode(true);
  for (const extra of copy.querySelectorAll(".ex-json-count, .ex-json-mark")) extra.remove();
  return copy.textContent.toLowerCase();
}

function unfold(row) {
  for (let box = row.parentElement; box && box !== card; box = box.parentElement) {
    if (box.matches("details") && !box.firstElementChild.isSameNode(row)) box.open = true;
  }
}

function show(next) {
  if (hits[at]) hits[at].dataset.hit = "";
  at = hits.length ? (next + hits.length) % hits.length : -1;
  if (hits[at]) {
    hits[at].dataset.hit = "now";
    hits[at].scrollIntoView({ block: "nearest" });
  }
  found.value = find.value ? `${at + 1}/${hits.length}` : "";
}

function search() {
  for (const row of hits) delete row.dataset.hit;
  const wanted = find.value.trim().toLowerCase();
  hits = wanted ? rows.filter((row) => words(row).includes(wanted)) : [];
  for (const row of hits) {
    row.dataset.hit = "";
    unfold(row);
  }
  at = -1;
  show(0);
}

find?.addEventListener("input", search);
find?.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    show(at + (event.shiftKey ? -1 : 1));
  } else if (event.key === "Escape") {
    find.value = "";
    search();
    find.blur();
  }
});

fold?.addEventListener("click", () => {
  const folded = fold.getAttribute("aria-pressed") !== "true";
  const boxes = card.querySelectorAll(".ex-json details");
  for (const [number, box] of boxes.entries()) box.open = !folded || number === 0;
  fold.setAttribute("aria-pressed", String(folded));
  fold.textContent = folded ? "Unfold all" : "Fold all";
});

const keys = {
  "[": () => document.querySelector('[data-neighbour="["]')?.click(),
  "]": () => document.querySelector('[data-neighbour="]"]')?.click(),
  c: () => document.querySelector('[data-copied-by="c"] [data-copy]')?.click(),
  f: () => find?.focus(),
  r: () => {
    const raw = document.querySelector("[data-raw]");
    raw.open = !raw.open;
    raw.scrollIntoView({ block: "nearest" });
  },
};

// "g" and a letter goes to another page (js/keys.js): the letter is not ours then.
let going = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  const elsewhere = Date.now() - going < 1500;
  going = event.key === "g" && !elsewhere ? Date.now() : 0;
  const act = elsewhere ? undefined : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
