// Keys: "/" goes to the page's own query bar or else, as "i" always, to the search by id; "?" helps,
// "t" turns the light, "g" and a letter goes somewhere.
import { toggleTheme } from "./frame.js";

let going = 0;

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable=true], dialog[open]");
}

function go(letter) {
  document.querySelector(`[data-shortcut="${CSS.escape(letter)}"]`)?.click();
}

function write(field) {
  field.focus();
  field.select();
}

function onKey(event) {
  const search = document.getElementById("search");
  if (event.key === "Escape" && event.target === search) search.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (going && Date.now() - going < 1500) {
    going = 0;
    go(event.key);
    return;
  }
  const bar = document.querySelector("[data-slash]") || search;
  if (event.key === "/" && bar) {
    event.preventDefault();
    write(bar);
  } else if (event.key === "i" && search) {
    event.preventDefault();
    write(search);
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else if (event.key === "t") {
    toggleTheme();
  } else if (event.key === "g") {
    going = Date.now();
  }
}

export function watchKeys() {
  document.addEventListener("keydown", onKey);
}
