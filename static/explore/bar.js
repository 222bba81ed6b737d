// The query bar: words tinted, completions in a listbox, what is wrong underlined with the reason below.
//
// The input itself is plain; its colours lie behind it in the same type (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/).
const WORDS = /(\s+)|([-!]?[\w.@[\]-]+:)|("(?:[^"\\]|\\.)*"?)|([^\s"]+)/g;
const KINDS = [null, "space", "field", "text", "value"];
const ASK_AFTER_MS = 120;
const TELL_AFTER_MS = 700;

const form = document.querySelector("[data-bar]");
const input = form?.querySelector("input[name=query]");
const list = document.getElementById("bar-list");
let found = [];
let active = -1;
let asking = 0;
let telling = 0;
let round = 0;
let wrong = null;

function piece(text, kind) {
  const span = document.createElement("span");
  span.textContent = text;
  if (kind) span.dataset.kind = kind;
  return span;
}

// The text in pieces, those within what is wrong cut out and marked.
function paint() {
  const back = form.querySelector("[data-bar-back]");
  const text = input.value;
  const from = wrong ? wrong.at : text.length;
  const to = wrong ? Math.max(wrong.at + wrong.length, wrong.at + 1) : text.length;
  const parts = [];
  for (const match of text.matchAll(WORDS)) {
    const kind = KINDS[match.findIndex((group, at) => at && group !== undefined)];
    const cuts = [match.index, from, to, match.index + match[0].length];
    const [start, , , end] = cuts;
    const places = [...new Set(cuts.map((cut) => Math.min(Math.max(cut, start), end)))].sort((a, b) => a - b);
    for (let at = 0; at + 1 < places.length; at += 1) {
      const span = piece(text.slice(places[at], places[at + 1]), kind);
      if (wrong && places[at] >= from && places[at] < to) span.dataset.wrong = "";
      parts.push(span);
    }
  }
  if (wrong && from >= text.length) {
    const span = piece("\u00a0", "space");
    span.dataset.wrong = "";
    parts.push(span);
  }
  back.replaceChildren(...parts);
  back.scrollLeft = input.scrollLeft;
}

function tell(error) {
  wrong = error;
  const place = document.getElementById("bar-error");
  place.hidden = !error;
  place.querySelector("[data-bar-reason]").textContent = error ? error.reason : "";
  input.setAttribute("aria-invalid", String(Boolean(error)));
  paint();
}

async function ask() {
  const address = new URL(form.dataset.complete, location.href);
  address.searchParams.set("query", input.value);
  address.searchParams.set("caret", input.selectionStart);
  const answer = await fetch(address);
  return answer.ok ? answer.json() : null;
}

// An answer that a newer question has overtaken is passed over.
async function propose() {
  const mine = (round += 1);
  const told = await ask();
  if (!told || mine !== round) return;
  clearTimeout(telling);
  if (!told.error) tell(null);
  // Not while the word is being written.
  else telling = setTimeout(() => tell(told.error), TELL_AFTER_MS);
  if (document.activeElement === input) show(told.completions);
}

// What was chosen stays chosen when a later answer holds it too.
function show(completions) {
  const before = found[active]?.text;
  found = completions;
  active = -1;
  const options = found.map((one, at) => {
    const option = document.createElement("li");
    option.id = `bar-option-${at}`;
    option.role = "option";
    option.dataset.at = at;
    option.setAttribute("aria-selected", "false");
    const text = piece(one.text);
    text.className = "es-mono";
    option.append(text);
    if (one.kind === "field") option.append(piece(one.hint));
    return option;
  });
  list.replaceChildren(...options);
  setOpen(found.length > 0);
  const kept = found.findIndex((one) => one.text === before);
  if (kept >= 0) choose(kept);
}

function setOpen(open) {
  list.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  if (!open) {
    active = -1;
    input.removeAttribute("aria-activedescendant");
  }
}

function choose(at) {
  active = (at + found.length) % found.length;
  for (const option of list.children) {
    const chosen = Number(option.dataset.at) === active;
    option.setAttribute("aria-selected", String(chosen));
    if (chosen) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  }
}

function accept(at) {
  const one = found[at];
  const more = one.text.endsWith(":");
  const text = more ? one.text : `${one.text} `;
  input.setRangeText(text, one.at, one.at + one.length, "end");
  setOpen(false);
  tell(null);
  if (more) propose();
}

function onKey(event) {
  const open = !list.hidden;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (open) choose(active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1));
    else propose();
  } else if (event.key === "Tab" && open && !event.shiftKey && input.value.trim()) {
    event.preventDefault();
    accept(Math.max(active, 0));
  } else if (event.key === "Enter" && open && active >= 0) {
    event.preventDefault();
    accept(active);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    if (open) setOpen(false);
    else input.blur();
  }
}

// What is wrong is told here, with the words and the caret where they were; the page is not left for it.
async function onSubmit(event) {
  event.preventDefault();
  setOpen(false);
  clearTimeout(telling);
  clearTimeout(asking);
  round += 1;
  const told = await ask().catch(() => null);
  if (!told?.error) {
    form.submit();
    return;
  }
  tell(told.error);
  input.focus();
  input.setSelectionRange(told.error.at, told.error.at + told.error.length);
}

function begin() {
  if (input.dataset.errorAt === undefined) {
    paint();
    return;
  }
  const error = { at: Number(input.dataset.errorAt), length: Number(input.dataset.errorLength) };
  tell({ ...error, reason: document.querySelector("[data-bar-reason]").textContent });
  input.focus();
  input.setSelectionRange(error.at, error.at + error.length);
}

export function watchBar() {
  if (!form) return;
  form.dataset.painted = "";
  input.addEventListener("input", () => {
    tell(null);
    clearTimeout(asking);
    asking = setTimeout(propose, ASK_AFTER_MS);
  });
  input.addEventListener("keydown", onKey);
  input.addEventListener("scroll", paint);
  input.addEventListener("blur", () => setOpen(false));
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) accept(Number(option.dataset.at));
  });
  form.addEventListener("submit", onSubmit);
  begin();
}
