// The honesty strip, the stale banner and the counts in the navigation.
import { ago, localTime } from "./time.js";
import { compact } from "./numbers.js";

let honesty = null;
let skew = 0;

function set(name, text) {
  const element = document.querySelector(`[data-honesty="${name}"]`);
  if (element && element.textContent !== text) element.textContent = text;
  return element;
}

function tone(name, value, word) {
  const element = set(name, compact(value));
  if (element) element.parentElement.dataset.tone = value ? word : "";
}

function showAge() {
  if (!honesty?.newestMs) return;
  set("age", ago(honesty.newestMs, Date.now() + skew));
}

function show(message) {
  honesty = message.status;
  skew = message.now - Date.now();
  document.getElementById("honesty").dataset.state = honesty.state;
  set("word", honesty.word);
  set("catching", honesty.catching);
  set("age", honesty.age);
  set("lag", compact(honesty.lag));
  tone("undecoded", honesty.undecoded, "warn");
  tone("lost", honesty.lost, "bad");
  showCounts(message.tiles || []);
}

function showCounts(tiles) {
  for (const tile of tiles) {
    const place = document.querySelector(`[data-count="${CSS.escape(tile.key)}"]`);
    if (!place) continue;
    place.hidden = !tile.value;
    place.textContent = compact(tile.value);
  }
}

export function watchHonesty(feed) {
  const strip = document.getElementById("honesty");
  const banner = document.getElementById("stale");
  if (!strip) return;
  feed.addEventListener("snapshot", (event) => show(event.detail));
  feed.addEventListener("tick", (event) => show(event.detail));
  feed.addEventListener("stale", (event) => {
    strip.dataset.state = "warn";
    set("word", "Stale");
    banner.querySelector("[data-stale-since]").textContent = localTime(event.detail).slice(0, 8);
    banner.hidden = false;
  });
  feed.addEventListener("fresh", () => {
    banner.hidden = true;
  });
  setInterval(() => {
    if (!document.hidden) showAge();
  }, 1000);
}
