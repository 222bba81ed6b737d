// Living parts of a page: each [data-refresh="seconds"] is asked for again while the page is seen.
//
// The event "es:due" on it asks at once; never while an answer is under way, unless that takes too long:
// a server that is slower than the page asks would be asked in vain for ever. It is left alone while somebody writes in it, has something
// opened in it (details[data-hold]) or holds a button of the pointer or a key down on it; an answer
// that was already under way then is thrown away, and asked for again afterwards. What had the focus
// has it again in the new content: htmx sees to what has an id, we to the links and the rest.
// An answer from elsewhere (the sign-in page, after the session has ended) reloads the page instead.
const SLOWEST = 8;
const TOO_LONG_MS = 30_000;

let pressed = null;
document.addEventListener("pointerdown", (event) => (pressed = event.button ? null : event.target), true);
document.addEventListener("keydown", (event) => (pressed = event.target), true);
for (const end of ["pointerup", "pointercancel", "keyup"]) {
  document.addEventListener(end, () => setTimeout(() => (pressed = null)), true);
}
// The window's own, of a key that is let go elsewhere.
addEventListener("blur", () => (pressed = null));

function held(part) {
  const focus = document.activeElement;
  const writing = part.contains(focus) && focus.matches("input:not([type=checkbox]), select, textarea");
  return writing || part.contains(pressed) || Boolean(part.querySelector("details[data-hold][open]"));
}

function folds(part) {
  return [...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open]);
}

function alike(part, one) {
  const words = (other) => other.getAttribute("href") || other.name || other.textContent;
  return [...part.querySelectorAll(one.localName)].filter((other) => words(other) === words(one));
}

function focused(part) {
  const one = document.activeElement;
  return part.contains(one) && one !== part && !one.id ? { one, at: alike(part, one).indexOf(one) } : null;
}

function watch(part) {
  const seconds = Number(part.dataset.refresh);
  let failures = 0;
  let asked = -Infinity;
  let due = Date.now() + seconds * 1000;
  let folded = [];
  let focus = null;
  setInterval(() => {
    if (document.hidden || Date.now() < due || Date.now() < asked + TOO_LONG_MS || held(part)) return;
    due = Date.now() + seconds * 1000 * Math.min(SLOWEST, 2 ** failures);
    htmx.trigger(part, "refresh");
  }, 500);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) due = Math.min(due, Date.now());
  });
  part.addEventListener("es:due", () => {
    due = Math.min(due, Date.now());
  });
  part.addEventListener("htmx:beforeSend", (event) => {
    if (event.detail.elt === part) asked = Date.now();
  });
  part.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const wanted = new URL(requestConfig.path, location.href).pathname;
    if (xhr.responseURL && new URL(xhr.responseURL).pathname !== wanted) {
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
    focus = focused(part);
  });
  part.addEventListener("htmx:afterSwap", () => {
    for (const [id, open] of folded) document.getElementById(id)?.toggleAttribute("open", open);
    if (focus && !part.contains(document.activeElement)) alike(part, focus.one)[focus.at]?.focus({ preventScroll: true });
  });
  part.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt === part) asked = -Infinity;
    failures = event.detail.successful ? 0 : failures + 1;
    part.toggleAttribute("data-stale", failures > 0);
  });
}

for (const part of document.querySelectorAll("[data-refresh]")) watch(part);
