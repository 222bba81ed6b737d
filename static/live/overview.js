// The overview: fetches figures for what the URL says, lets ticks extend them, follows the hand.
import { Chart } from "../js/chart.js";
import { announce } from "../js/copy.js";
import { feed } from "../js/live.js";
import { localMoment, utc } from "../js/time.js";
import { extend } from "./extend.js";
import { watchControls, showControls } from "./controls.js";
import { showTiles } from "./tiles.js";

const page = document.getElementById("overview");
const charts = Object.fromEntries(
  [...page.querySelectorAll("[data-chart]")].map((element) => [element.dataset.chart, new Chart(element)]),
);
const REFETCH_AFTER = 8000;
const RESENT = 6000;

let shown = null;
let fetching = null;
let fetched = 0;
let observed = 0;
let lacking = false; // whether a tick told what the figures have no line for

function query() {
  return new URLSearchParams(location.search);
}

async function fetchCharts() {
  fetching?.abort();
  fetching = new AbortController();
  fetched = Date.now(); // a slow answer is waited for, not asked for anew with every tick
  page.setAttribute("aria-busy", String(!shown));
  try {
    const answer = await fetch(`${page.dataset.chartsUrl}${location.search}`, { signal: fetching.signal, headers: { Accept: "application/json" } });
    if (answer.redirected) location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    await take(await answer.json());
  } catch (error) {
    if (error.name === "AbortError") return;
    for (const chart of Object.values(charts)) if (!shown) chart.note("The charts could not be loaded; trying again.");
    setTimeout(fetchCharts, REFETCH_AFTER);
  } finally {
    page.setAttribute("aria-busy", "false");
  }
}

async function take(answer) {
  shown = answer;
  fetched = Date.now();
  lacking = false;
  showControls(answer.meta);
  for (const [name, chart] of Object.entries(charts)) {
    await chart.show(answer.figures[name], answer.notes[name]);
  }
}

function go(change) {
  const next = query();
  for (const [key, value] of Object.entries(change)) {
    if (value) next.set(key, value);
    else next.delete(key);
  }
  const text = next.toString();
  if (text !== query().toString()) history.pushState(null, "", text ? `?${text}` : location.pathname);
  shown = null;
  fetchCharts();
}

function takeTick(tick) {
  showTiles(tick.tiles);
  if (tick.status.stored) showPage();
  const jumped = observed && tick.status.observedUntilMs - observed > RESENT;
  observed = tick.status.observedUntilMs;
  if (!shown || page.hidden || !shown.meta.live) return;
  const since = Date.now() - fetched;
  if (!shown.meta.extends) {
    if (since > Math.max(shown.meta.step, REFETCH_AFTER)) fetchCharts();
    return;
  }
  lacking = !extend(shown.figures, tick, shown.meta) || lacking;
  if (jumped || (lacking && since > REFETCH_AFTER)) {
    fetchCharts();
    return;
  }
  for (const [name, chart] of Object.entries(charts)) chart.show(shown.figures[name], shown.notes[name]);
}

function showPage() {
  if (!page.hidden) return;
  page.hidden = false;
  document.getElementById("waiting").hidden = true;
  announce("The first event has arrived");
  fetchCharts();
}

function openEvents({ ms, meta }) {
  const { by, step } = shown.meta;
  if (!page.dataset.eventsUrl) return;
  const wanted = new URLSearchParams({ since: String(ms), until: String(ms + step) });
  if ((by === "type" || by === "source") && meta.group && meta.group !== "other") wanted.set(by, meta.group);
  location.assign(`${page.dataset.eventsUrl}?${wanted}`);
}

function readout(name, ms) {
  const place = document.querySelector(`[data-readout="${name}"]`);
  place.textContent = ms === null ? "" : `${localMoment(ms)} · ${utc(ms).slice(11)}`;
}

for (const [name, chart] of Object.entries(charts)) {
  chart.addEventListener("zoom", (event) => go({ since: String(event.detail.since), until: String(event.detail.until), range: "" }));
  chart.addEventListener("reset", () => go({ since: "", until: "" }));
  chart.addEventListener("point", (event) => openEvents(event.detail));
  chart.addEventListener("hover", (event) => readout(name, event.detail.ms));
}
watchControls(go);
feed.addEventListener("snapshot", (event) => {
  showTiles(event.detail.tiles);
  observed = event.detail.status.observedUntilMs;
  if (event.detail.status.stored) showPage();
  if (!page.hidden && (!shown || Date.now() - fetched > RESENT / 2)) fetchCharts();
});
feed.addEventListener("tick", (event) => takeTick(event.detail));
addEventListener("popstate", () => {
  shown = null;
  fetchCharts();
});
if (!page.hidden) fetchCharts();
