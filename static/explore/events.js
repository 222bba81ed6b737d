// The events list: j and k move over the rows, Enter opens; a time typed in replaces the preset.
const rows = [...document.querySelectorAll("table[data-keys] tbody tr")];

function move(step) {
  const at = rows.indexOf(document.activeElement?.closest("tr"));
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step;
  rows[Math.min(Math.max(next, 0), rows.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    move(event.key === "j" ? 1 : -1);
  } else if (event.key === "Enter" && event.target.matches("tr[data-href]")) {
    location.assign(event.target.dataset.href);
  }
});

for (const field of document.querySelectorAll("[data-clears]")) {
  field.addEventListener("input", () => {
    const other = field.form.elements[field.dataset.clears];
    if (other && field.value.trim()) other.disabled = true;
    else if (other) other.disabled = false;
  });
}

// On a narrow screen the filters begin folded, so that the list is seen.
if (matchMedia("(max-width: 700px)").matches) {
  for (const card of document.querySelectorAll("[data-filters]")) card.open = false;
}

// An empty field does not clutter the address.
document.querySelector(".ex-filter-card form")?.addEventListener("submit", (event) => {
  for (const field of event.target.elements) if (!field.value) field.disabled = true;
});
