// Theme, drawer, menus, dialogs and rows that lead somewhere.
const narrow = matchMedia("(max-width: 900px)");

export function toggleTheme() {
  const root = document.documentElement;
  const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
  keepTheme(next);
}

export function keepTheme(choice) {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.bsTheme = choice === "system" ? system : choice;
  document.documentElement.dataset.themeChoice = choice;
  try {
    if (choice === "system") localStorage.removeItem("es-theme");
    else localStorage.setItem("es-theme", choice);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  document.dispatchEvent(new CustomEvent("es:theme"));
}

function setDrawer(open) {
  const button = document.querySelector("[data-drawer-open]");
  document.body.dataset.drawer = open ? "open" : "";
  button?.setAttribute("aria-expanded", String(open));
  const inside = document.querySelector("#sidebar a, #sidebar button");
  (open ? inside : button)?.focus();
}

function followSystem() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (document.documentElement.dataset.themeChoice === "system") keepTheme("system");
  });
}

function onClick(event) {
  const target = event.target;
  if (target.closest("[data-theme-toggle]")) toggleTheme();
  if (target.closest("[data-drawer-open]")) setDrawer(true);
  if (target.closest("[data-drawer-close]")) setDrawer(false);
  if (target.closest("[data-keys-open]")) document.getElementById("keys")?.showModal();
  target.closest("[data-dialog-close]")?.closest("dialog").close();
  for (const menu of document.querySelectorAll("details.es-menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  const row = target.closest("tr[data-href]");
  if (row && !target.closest("a, button, input, label, select") && !String(getSelection())) {
    location.assign(row.dataset.href);
  }
}

export function watchFrame() {
  followSystem();
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (document.body.dataset.drawer === "open" && narrow.matches) setDrawer(false);
    for (const menu of document.querySelectorAll("details.es-menu[open]")) menu.open = false;
  });
}
