// Range, breakdown and latency: what is chosen goes into the URL.
const ranges = document.getElementById("ranges");
const custom = document.getElementById("custom-range");
const by = document.getElementById("by");
const kind = document.getElementById("latency-kind");
const back = document.getElementById("zoom-out");
const SHORTEST = 10000;

function localInput(ms) {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60000);
  return date.toISOString().slice(0, 19);
}

export function showControls(meta) {
  for (const link of ranges.querySelectorAll("a")) {
    if (link.dataset.range === meta.range) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  ranges.querySelector("button").setAttribute("aria-pressed", String(!meta.live));
  by.value = meta.by;
  kind.value = meta.latency;
  back.hidden = meta.live;
  const label = kind.options[kind.selectedIndex].text;
  document.querySelector("[data-latency-title]").textContent = label;
  document.querySelector("[data-latency-note]").textContent = meta.latency === "publish_delay"
    ? "event's time to append; no receipts needed"
    : { processing: "handler start to end", queue: "append to handler start", critical: "event's time to handler end" }[meta.latency];
  custom.elements.since.value = localInput(meta.since);
  custom.elements.until.value = localInput(meta.until);
}

function showCustom(open) {
  custom.hidden = !open;
  ranges.querySelector("button").setAttribute("aria-expanded", String(open));
  if (open) custom.elements.since.focus();
}

export function watchControls(go) {
  ranges.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-range]");
    if (!choice || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (choice.dataset.range === "custom") {
      showCustom(custom.hidden);
      return;
    }
    showCustom(false);
    go({ range: choice.dataset.range === "5m" ? "" : choice.dataset.range, since: "", until: "" });
  });
  custom.addEventListener("submit", (event) => {
    event.preventDefault();
    const since = new Date(custom.elements.since.value).getTime();
    const until = new Date(custom.elements.until.value).getTime();
    const wrong = !(until - since >= SHORTEST);
    custom.querySelector("[role=alert]").hidden = !wrong;
    if (!wrong) go({ since: String(since), until: String(until), range: "" });
  });
  by.addEventListener("change", () => go({ by: by.value }));
  kind.addEventListener("change", () => go({ latency: kind.value === "processing" ? "" : kind.value }));
  back.addEventListener("click", () => go({ since: "", until: "" }));
}
