// Chosen rows stay chosen while the list is renewed and from page to page, for they stand in its address.
//
// Keys: "j" and "k" go down and up, "x" chooses the row, with Shift all up to it; Escape chooses none.
const list = document.getElementById("letters");
const bar = document.getElementById("rc-picked");
const chosen = new Set();
let everything = false;
let last = null;

const picks = () => [...list.querySelectorAll("[data-pick]")];
const part = (name) => bar.querySelector(`[data-${name}]`);

function words() {
  const noun = bar.dataset.noun;
  if (everything) return "All that fit are chosen";
  const full = chosen.size >= Number(bar.dataset.most) ? ", no more fit" : "";
  return `${chosen.size} ${noun}${chosen.size === 1 ? "" : "s"} chosen${full}`;
}

function hidden(value) {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: bar.dataset.name, value });
  return input;
}

function addressed(address) {
  const url = new URL(address, location.href);
  url.searchParams.delete(bar.dataset.name);
  for (const value of chosen) url.searchParams.append(bar.dataset.name, value);
  return url.href;
}

function showHeads() {
  for (const all of list.querySelectorAll("[data-pick-all]")) {
    const those = [...all.closest("table").querySelectorAll("[data-pick]")];
    const some = those.filter((pick) => pick.checked).length;
    all.checked = some > 0 && some === those.length;
    all.indeterminate = some > 0 && some < those.length;
  }
}

function tell() {
  const there = picks();
  const shown = new Set(there.map((pick) => pick.value));
  for (const pick of there) pick.checked = everything || chosen.has(pick.value);
  part("elsewhere").replaceChildren(...[...chosen].filter((value) => !shown.has(value)).map(hidden));
  part("count").textContent = words();
  bar.toggleAttribute("hidden", !everything && chosen.size === 0);
  const whole = there.length > 0 && there.every((pick) => pick.checked);
  part("all")?.toggleAttribute("hidden", everything || !whole);
  part("none").removeAttribute("hidden");
  showHeads();
  for (const link of list.querySelectorAll(".es-pager a")) link.href = addressed(link.href);
  history.replaceState(history.state, "", addressed(location.href));
  list.setAttribute("hx-get", addressed(location.href));
}

function take(pick, checked) {
  if (!checked) chosen.delete(pick.value);
  else if (chosen.size < Number(bar.dataset.most)) chosen.add(pick.value);
}

function choose(those, checked) {
  if (everything) for (const pick of picks()) take(pick, true);
  everything = false;
  for (const pick of those) take(pick, checked);
  tell();
}

function chooseUpTo(pick, checked) {
  const there = picks();
  const [from, to] = [there.indexOf(last), there.indexOf(pick)].sort((a, b) => a - b);
  choose(from < 0 ? [pick] : there.slice(from, to + 1), checked);
}

function chooseNone() {
  chosen.clear();
  everything = false;
  tell();
}

function move(step) {
  const there = picks();
  const at = there.findIndex((pick) => pick.closest("tr").contains(document.activeElement));
  const next = there[at < 0 && step < 0 ? there.length - 1 : at + step];
  next?.closest("tr").querySelector("td.lead a, a")?.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) return;
  const row = document.activeElement.closest("tr");
  const pick = row && list.contains(row) ? row.querySelector("[data-pick]") : null;
  if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
  else if (event.key.toLowerCase() === "x" && pick) {
    (event.shiftKey ? chooseUpTo : (one, checked) => choose([one], checked))(pick, !pick.checked);
    last = pick;
  } else if (event.key === "Escape" && (everything || chosen.size)) chooseNone();
}

if (list && bar) {
  list.addEventListener("click", (event) => {
    if (!event.target.matches("[data-pick]")) return;
    if (event.shiftKey) chooseUpTo(event.target, event.target.checked);
    last = event.target;
  });
  list.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches("[data-pick-all]")) choose([...target.closest("table").querySelectorAll("[data-pick]")], target.checked);
    else if (target.matches("[data-pick]")) choose([target], target.checked);
  });
  list.addEventListener("htmx:afterSwap", tell);
  part("none").addEventListener("click", chooseNone);
  part("all")?.addEventListener("click", () => {
    everything = true;
    tell();
    bar.querySelector(".rc-bar-acts button").focus();
  });
  bar.addEventListener("submit", (event) => {
    if (!everything) return;
    event.preventDefault();
    const query = bar.dataset.query ? `?${bar.dataset.query}` : "";
    location.assign(event.submitter.formAction.split("?")[0] + query);
  });
  document.addEventListener("keydown", onKey);
  for (const input of part("elsewhere").children) chosen.add(input.value);
  tell();
}
