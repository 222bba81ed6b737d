// One entity through time: the slider, the keys and the history choose a step, and its part is fetched.
//
// The address always names what is shown. At the last step the page follows what arrives.
const PAUSE = 900;
const SETTLE = 60;

const part = document.getElementById("entity");
const slider = document.getElementById("entity-slider");
const count = document.getElementById("entity-step");
const play = document.querySelector("[data-play]");
let settling = 0;
let asked = null; // the address that is not shown yet: asked again with the next refresh if the answer fails
let playing = 0;

const steps = () => Number(slider.max);
const here = () => location.pathname + location.search;
const ordered = () => new URLSearchParams(location.search).get("order");

// An answer that the next request has overtaken is no failure; one that failed marks the part stale.
function load(url) {
  asked = url;
  htmx.ajax("GET", url, { source: part, target: part, swap: "innerHTML" }).catch(() => {});
}

function tell(step) {
  count.textContent = `${step} of ${steps()}`;
}

function addressOf(step) {
  const asked = new URLSearchParams();
  if (step < steps()) asked.set("step", step);
  if (ordered()) asked.set("order", ordered());
  const text = asked.toString();
  return location.pathname + (text ? `?${text}` : "");
}

function choose(step) {
  const wanted = Math.min(Math.max(step, 0), steps());
  slider.value = wanted;
  tell(wanted);
  clearTimeout(settling);
  settling = setTimeout(() => {
    settling = 0;
    load(addressOf(wanted));
  }, SETTLE);
}

function stop() {
  clearInterval(playing);
  playing = 0;
  play.setAttribute("aria-pressed", "false");
}

function advance() {
  const next = Number(slider.value) + 1;
  choose(next);
  if (next >= steps()) stop();
}

function toggle() {
  if (playing) {
    stop();
    return;
  }
  play.setAttribute("aria-pressed", "true");
  choose(Number(slider.value) >= steps() ? 0 : Number(slider.value) + 1);
  playing = setInterval(advance, PAUSE);
}

// What was asked for may be answered after the slider has moved on: then the slider is left alone.
function settle(event) {
  const now = document.getElementById("entity-now");
  if (!now) return;
  if (event?.detail.requestConfig.path === asked) asked = null;
  slider.max = now.dataset.steps;
  if (!settling && asked === null) slider.value = now.dataset.step;
  tell(Number(slider.value));
  history.replaceState(null, "", now.dataset.url);
  const list = part.querySelector(".en-rows");
  const current = list?.querySelector("[aria-current]");
  if (current) list.scrollTop = current.offsetTop - list.clientHeight / 3;
}

slider.addEventListener("input", () => {
  stop();
  choose(Number(slider.value));
});
play.addEventListener("click", toggle);
for (const button of document.querySelectorAll("button[data-step]")) {
  button.addEventListener("click", () => {
    stop();
    choose(Number(slider.value) + (button.dataset.step === "on" ? 1 : -1));
  });
}

part.addEventListener("click", (event) => {
  const row = event.target.closest("a, button, summary") ? null : event.target.closest(".en-row");
  const link = row?.querySelector(".en-at") || event.target.closest("a[data-load], a[data-follow]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  stop();
  load(link.getAttribute("href"));
});
part.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.type === "refresh") event.detail.path = asked ?? here();
});
part.addEventListener("htmx:afterSwap", settle);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=range]), textarea, select, dialog[open]")) return;
  if (event.key === "j" || event.key === "k") {
    stop();
    choose(Number(slider.value) + (event.key === "j" ? 1 : -1));
  } else if (event.key === "p") {
    toggle();
  }
});
settle();
