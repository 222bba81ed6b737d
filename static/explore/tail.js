// Live tail: new rows come in at the top once a second while the page is seen.
//
// It holds still while somebody reads: scrolled down, the pointer on a row, text or rows selected. What
// comes meanwhile is kept, up to a number, and told; the rest is counted as skipped.
import { compact } from "../js/numbers.js";
import { fetchRows, listBody, showList } from "./fragments.js";

const EACH_MS = 1000;
const OUTCOMES_EACH_MS = 4000;
const SLOWEST_MS = 15000;
const MOST_HELD = 200;
const MOST_SHOWN = 300;
const REFRESHED = 50;

const tail = document.querySelector("[data-tail]");
let after = tail?.dataset.after || "";
let held = [];
let skipped = 0;
let more = false;
let failures = 0;
let outcomesDue = 0;
let hovered = false;

function paused() {
  const list = document.querySelector("[data-list]");
  const above = list.hidden || list.getBoundingClientRect().top > -40;
  const selected = String(getSelection()) || document.querySelector("[data-pick]:checked");
  return !above || hovered || Boolean(selected);
}

function placeOf(row) {
  return row.dataset.place;
}

function tell() {
  const pill = tail.querySelector("[data-tail-pill]");
  const words = [held.length && `${compact(held.length)} new`, skipped && `${more ? "at least " : ""}${compact(skipped)} skipped`];
  pill.querySelector("span").textContent = words.filter(Boolean).join(", ");
  pill.hidden = !held.length && !skipped;
  tail.dataset.state = failures ? "stale" : paused() ? "paused" : "live";
  tail.querySelector("[data-tail-word]").textContent = failures ? "Live tail: no answer, trying again" : paused() ? "Live tail, held while you read" : "Live tail";
}

function insert() {
  const body = listBody();
  const known = new Set([...body.rows].map(placeOf));
  const fresh = held.filter((row) => !known.has(placeOf(row)));
  for (const row of fresh) row.dataset.fresh = "";
  body.prepend(...fresh);
  for (const row of [...body.rows].slice(MOST_SHOWN)) row.remove();
  if (fresh.length) showList();
  held = [];
}

function hold(rows) {
  const known = new Set(held.map(placeOf));
  held = [...rows.filter((row) => !known.has(placeOf(row))), ...held];
  skipped += Math.max(0, held.length - MOST_HELD);
  held = held.slice(0, MOST_HELD);
}

async function ask() {
  const address = new URL(tail.dataset.tail, location.href);
  if (after) address.searchParams.set("after", after);
  const { told, rows } = await fetchRows(address);
  after = told.next;
  skipped += Number(told.skipped);
  more ||= told.more !== undefined;
  hold(rows);
}

// Receipts come after their events: what the newest rows became is asked for again.
async function refreshOutcomes() {
  const address = new URL(tail.dataset.more, location.href);
  address.searchParams.set("limit", REFRESHED);
  const { rows } = await fetchRows(address);
  const shown = new Map([...listBody().rows].map((row) => [placeOf(row), row]));
  for (const row of rows) {
    const old = shown.get(placeOf(row));
    if (!old || old.contains(document.activeElement) || old.querySelector("[data-pick]").checked) continue;
    if (old.dataset.outcome !== row.dataset.outcome) old.replaceWith(row);
  }
}

async function beat() {
  if (!document.hidden) {
    try {
      await ask();
      if (!paused()) {
        insert();
        if (Date.now() > outcomesDue) {
          outcomesDue = Date.now() + OUTCOMES_EACH_MS;
          await refreshOutcomes();
        }
      }
      failures = 0;
    } catch {
      failures += 1;
    }
    tell();
  }
  const wait = Math.min(SLOWEST_MS, EACH_MS * 2 ** Math.min(failures, 4));
  setTimeout(beat, wait);
}

export function watchTail() {
  if (!tail) return;
  const list = document.querySelector("[data-list]");
  list.addEventListener("pointermove", (event) => {
    hovered = event.pointerType === "mouse" && Boolean(event.target.closest("tbody tr"));
  });
  list.addEventListener("pointerleave", () => {
    hovered = false;
  });
  tail.querySelector("[data-tail-pill]").addEventListener("click", () => {
    hovered = false;
    skipped = 0;
    more = false;
    getSelection().removeAllRanges();
    insert();
    tell();
    document.getElementById("main").scrollIntoView();
  });
  beat();
}
