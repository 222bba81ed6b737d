// A list that is judged event by event is read on while the page is seen, until the page is full.
import { compact } from "../js/numbers.js";
import { localMoment } from "../js/time.js";
import { fetchRows, listBody, showList } from "./fragments.js";

const LONGEST_MS = 120000;
const scan = document.querySelector("[data-scan]");
let running = false;
let stopped = false;

function tell() {
  const { scanned, total, until, complete, cursor } = scan.dataset;
  const of = total ? ` of ${compact(Number(total))}` : "";
  const back = until && cursor ? `, until ${localMoment(Number(until))}` : "";
  const end = complete === "yes" && !cursor ? ": all of them" : "";
  scan.querySelector("[data-scan-told]").textContent = `Read ${compact(Number(scanned))}${of} events${back}${end}.`;
  scan.querySelector("progress").value = Number(scanned);
}

function showButtons() {
  const more = scan.dataset.cursor && scan.dataset.complete === "no";
  scan.querySelector("[data-scan-go]").hidden = running || !more;
  scan.querySelector("[data-scan-stop]").hidden = !running;
  scan.toggleAttribute("data-running", running);
}

function moveOlder(cursor) {
  const link = document.querySelector(".es-pager [rel=next]");
  if (!link) return;
  if (!cursor) {
    link.remove();
    return;
  }
  const address = new URL(link.href);
  address.searchParams.set("cursor", cursor);
  link.href = address;
}

async function step() {
  const address = new URL(scan.dataset.more, location.href);
  address.searchParams.set("cursor", scan.dataset.cursor);
  address.searchParams.set("limit", scan.dataset.missing);
  const { told, rows } = await fetchRows(address);
  listBody().append(...rows);
  if (rows.length) showList();
  scan.dataset.scanned = Number(scan.dataset.scanned) + Number(told.scanned);
  scan.dataset.until = told.until || scan.dataset.until;
  scan.dataset.missing = Math.max(0, Number(scan.dataset.missing) - rows.length);
  scan.dataset.cursor = told.cursor;
  scan.dataset.complete = told.complete;
  moveOlder(told.cursor);
  tell();
}

function goesOn() {
  return !stopped && scan.dataset.cursor && Number(scan.dataset.missing) > 0 && scan.dataset.complete === "no";
}

async function run() {
  if (running) return;
  running = true;
  stopped = false;
  showButtons();
  const until = Date.now() + LONGEST_MS;
  try {
    while (goesOn() && !document.hidden && Date.now() < until) await step();
  } catch {
    stopped = true;
  }
  running = false;
  showButtons();
}

export function watchScan() {
  if (!scan) return;
  scan.querySelector("[data-scan-go]").addEventListener("click", run);
  scan.querySelector("[data-scan-stop]").addEventListener("click", () => {
    stopped = true;
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && goesOn()) run();
  });
  showButtons();
  if (goesOn()) run();
}
