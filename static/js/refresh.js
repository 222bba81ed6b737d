// Living parts of a page: each [data-refresh="seconds"] is asked for again while the page is seen.
//
// The event "es:due" on it asks at once. It is left alone while somebody writes in it, has something
// opened in it (details[data-hold]) or holds a button of the pointer down on it; an answer that was
// already under way then is thrown away, and asked for again afterwards.
// An answer from elsewhere (the sign-in page, after the session has ended) reloads the page instead.
const SLOWEST = 8;

let pressed = null;
document.addEventListener("pointerdown", (event) => (pressed = event.button ? null : event.target), true);
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => setTimeout(() => (pressed = null)), true);
}

function held(part) {
  const focus = document.activeElement;
  const writing = part.contains(focus) && focus.matches("input:not([type=checkbox]), select, textarea");
  return writing || part.contains(pressed) || Boolean(part.querySelector("details[data-hold][open]"));
}

function folds(part) {
  return [...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open]);
}

function watch(part) {
  const seconds = Number(part.dataset.refresh);
  let failures = 0;
  let due = Date.now() + seconds * 1000;
  let folded = [];
  setInterval(() => {
    if (document.hidden || Date.now() < due || held(part)) return;
    due = Date.now() + seconds * 1000 * Math.min(SLOWEST, 2 ** failures);
    htmx.trigger(part, "refresh");
  }, 500);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) due = Math.min(due, Date.now());
  });
  part.addEventListener("es:due", () => {
    due = Math.min(due, Date.now());
  });
  part.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const asked = new URL(requestConfig.path, location.href).pathname;
    if (xhr.responseURL && new URL(xhr.responseURL).pathname !== asked) {
      event.detail.shouldSwap = false;
      location.reload();
      return;
    }
    if (requestConfig.elt === part && held(part)) {
      event.detail.shouldSwap = false;
      due = Date.now();
      return;
    }
    folded = folds(part);
  });
  part.addEventListener("htmx:afterSwap", () => {
    for (const [id, open] of folded) document.getElementById(id)?.toggleAttribute("open", open);
  });
  part.addEventListener("htmx:afterRequest", (event) => {
    failures = event.detail.successful ? 0 : failures + 1;
    part.toggleAttribute("data-stale", failures > 0);
  });
}

for (const part of document.querySelectorAll("[data-refresh]")) watch(part);
