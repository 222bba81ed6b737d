// Facets: alt and click leaves a value out, "n more" unfolds, and whether they are shown is remembered.
const KEPT = "es-facets";

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function setShown(explorer, shown) {
  explorer.dataset.facets = shown ? "shown" : "hidden";
  document.querySelector("[data-facets-toggle]").setAttribute("aria-expanded", String(shown));
}

export function watchFacets() {
  const explorer = document.querySelector(".ex-explorer");
  const toggle = document.querySelector("[data-facets-toggle]");
  if (!explorer || !toggle) return;
  const wide = matchMedia("(min-width: 1100px)").matches;
  setShown(explorer, wide && kept() !== "hidden");
  toggle.addEventListener("click", () => {
    const shown = explorer.dataset.facets !== "shown";
    setShown(explorer, shown);
    try {
      if (wide) localStorage.setItem(KEPT, shown ? "shown" : "hidden");
    } catch {
      // Without storage it lasts as long as the page.
    }
  });
  explorer.addEventListener("click", (event) => {
    const link = event.target.closest(".ex-facet-link");
    if (link && event.altKey) {
      event.preventDefault();
      location.assign(link.dataset.without);
    }
    const further = event.target.closest("[data-further-toggle]");
    if (further) {
      further.closest(".ex-facet").dataset.unfolded = "";
      further.remove();
    }
  });
}
