// The form of filters: a time typed in replaces the preset, an empty field does not clutter the address.
export function watchFilters() {
  for (const field of document.querySelectorAll("[data-clears]")) {
    field.addEventListener("input", () => {
      const other = field.form.elements[field.dataset.clears];
      if (other) other.disabled = Boolean(field.value.trim());
    });
  }
  document.querySelector(".ex-filter-card form")?.addEventListener("submit", (event) => {
    for (const field of event.target.elements) if (!field.value) field.disabled = true;
  });
}
