// Chosen alerts stay chosen while the list is renewed, and the bar tells how many there are.
const list = document.getElementById("alerts");
const bar = document.getElementById("al-together");
const chosen = new Set();

const picks = () => [...list.querySelectorAll("[data-pick]")];
const picksOf = (all) => [...all.closest("section").querySelectorAll("[data-pick]")];

function tell() {
  bar.toggleAttribute("hidden", chosen.size === 0);
  bar.querySelector("[data-count]").textContent = `${chosen.size} chosen`;
  const silence = bar.querySelector("[data-silence]");
  silence.search = new URLSearchParams([...chosen].map((id) => ["id", id])).toString();
  for (const all of list.querySelectorAll("[data-pick-all]")) {
    const those = picksOf(all);
    const some = those.filter((pick) => pick.checked).length;
    all.checked = some > 0 && some === those.length;
    all.indeterminate = some > 0 && some < those.length;
  }
}

function take(pick) {
  if (pick.checked) chosen.add(pick.value);
  else chosen.delete(pick.value);
}

function chooseAll(all) {
  for (const pick of picksOf(all)) {
    pick.checked = all.checked;
    take(pick);
  }
}

if (list && bar) {
  list.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) chooseAll(event.target);
    else if (event.target.matches("[data-pick]")) take(event.target);
    else return;
    tell();
  });
  bar.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    chosen.clear();
    bar.elements.note.value = "";
  });
  list.addEventListener("htmx:afterSwap", () => {
    const there = picks();
    const shown = new Set(there.map((pick) => pick.value));
    for (const id of chosen) if (!shown.has(id)) chosen.delete(id);
    for (const pick of there) pick.checked = chosen.has(pick.value);
    tell();
  });
  for (const pick of picks()) take(pick);
  tell();
}
