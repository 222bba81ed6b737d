// The side panel: one event beside the list. Which one stands in the address behind "#event=".
const panel = document.getElementById("panel");
let shown = null;

export function panelOpen() {
  return Boolean(panel && !panel.hidden);
}

export function showInPanel(row) {
  if (!row) return;
  shown?.removeAttribute("data-shown");
  shown = row;
  row.dataset.shown = "";
  load(row.dataset.preview);
  history.replaceState(history.state, "", `#event=${encodeURIComponent(row.dataset.id)}`);
}

function load(address) {
  panel.hidden = false;
  document.body.dataset.panel = "open";
  htmx.ajax("GET", address, { target: panel, swap: "innerHTML" });
}

export function closePanel() {
  if (!panelOpen()) return;
  const within = panel.contains(document.activeElement);
  panel.hidden = true;
  panel.replaceChildren();
  delete document.body.dataset.panel;
  shown?.removeAttribute("data-shown");
  history.replaceState(history.state, "", location.pathname + location.search);
  if (within) shown?.focus();
}

function openFromAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get("event");
  if (!wanted) return;
  const row = document.querySelector(`tr[data-id="${CSS.escape(wanted)}"]`);
  if (row) showInPanel(row);
  else load(`/explore/preview/${encodeURIComponent(wanted)}/`);
}

export function watchPanel() {
  if (!panel) return;
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-panel-close]")) closePanel();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.target.closest("dialog[open], [popover], details[open]")) closePanel();
  });
  panel.addEventListener("htmx:responseError", () => {
    const told = document.createElement("p");
    told.className = "es-note";
    told.dataset.tone = "warn";
    told.textContent = "This event could not be read; it may have passed its retention.";
    panel.replaceChildren(told);
  });
  // htmx is deferred and stands before the modules, so it is there by now.
  openFromAddress();
}
