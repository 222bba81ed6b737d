// Numbers beside the lines of the editor, and a mark at the line that is wrong.
const editor = document.querySelector("#id_event");
const gutter = document.querySelector(".ed-gutter");
const verdict = document.querySelector("#edit-verdict");
let lines = 0;

function number() {
  const count = editor.value.split("\n").length;
  if (count === lines) return;
  lines = count;
  const numbers = Array.from({ length: count }, (_, at) => {
    const line = document.createElement("span");
    line.textContent = `${at + 1}\n`;
    return line;
  });
  gutter.replaceChildren(...numbers);
  mark();
}

function mark() {
  const wrong = Number(verdict.querySelector("[data-line]")?.dataset.line || 0);
  for (const line of gutter.querySelectorAll("[data-wrong]")) delete line.dataset.wrong;
  const line = gutter.children[wrong - 1];
  if (line) line.dataset.wrong = "";
  editor.setAttribute("aria-invalid", String(Boolean(verdict.querySelector('[role="alert"]'))));
}

function follow() {
  gutter.scrollTop = editor.scrollTop;
}

editor.addEventListener("input", number);
editor.addEventListener("scroll", follow);
verdict.addEventListener("htmx:afterSwap", mark);
number();
