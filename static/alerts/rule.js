// The form of a rule: what is written is tried on the past, a moment after the hand rests.
import { Chart } from "../js/chart.js";
import { localise } from "../js/time.js";

const REST_MS = 500;
const form = document.getElementById("rule");
const place = document.getElementById("trial");
const spans = [...document.querySelectorAll("[data-span]")];

const drawn = document.createElement("div");
drawn.className = "es-chart ru-chart";
drawn.setAttribute("role", "img");
const chart = new Chart(drawn);

let asking = null;
let waiting = null;

function span() {
  return spans.find((button) => button.getAttribute("aria-pressed") === "true").dataset.span;
}

// A week may take a few seconds: the last day is shown meanwhile.
async function tryIt() {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  place.setAttribute("aria-busy", "true");
  try {
    for (const each of new Set(["24h", span()])) show(await ask(each, mine.signal));
  } catch (error) {
    if (error.name !== "AbortError") say("The trial could not be loaded. Change something to try again.");
  } finally {
    if (asking === mine) place.setAttribute("aria-busy", "false");
  }
}

async function ask(each, signal) {
  const told = new FormData(form);
  told.set("span", each);
  const answer = await fetch(form.dataset.preview, { method: "POST", body: told, signal });
  if (answer.redirected) location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

function show(fragment) {
  const parsed = new DOMParser().parseFromString(fragment, "text/html");
  place.replaceChildren(...parsed.body.childNodes);
  localise(place);
  const slot = place.querySelector("[data-chart]");
  if (!slot) return;
  drawn.setAttribute("aria-label", slot.getAttribute("aria-label"));
  slot.replaceWith(drawn);
  const figure = JSON.parse(document.getElementById("trial-figure").textContent);
  chart.show(figure, "Nothing was measured in this time.");
}

function say(words) {
  const line = document.createElement("p");
  line.className = "es-muted";
  line.textContent = words;
  place.replaceChildren(line);
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(tryIt, REST_MS);
}

form.addEventListener("input", soon);
form.addEventListener("change", soon);
for (const button of spans) {
  button.addEventListener("click", () => {
    for (const other of spans) other.setAttribute("aria-pressed", String(other === button));
    tryIt();
  });
}
tryIt();
