// Theme, drawer, menus, dialogs, rows that lead somewhere and the way back up.
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
  document.querySelector(".es-page").inert = open;
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

// What was opened is closed, and who was in it is where it was opened from.
function closeOpened() {
  for (const opened of document.querySelectorAll("details.es-menu[open], details[data-hold][open]")) {
    const inside = opened.contains(document.activeElement);
    opened.open = false;
    if (inside) opened.querySelector("summary").focus();
  }
}

// The way back up, once there is a way: two screens down.
function watchWayUp() {
  const up = document.querySelector("[data-up]");
  if (!up) return;
  addEventListener("scroll", () => (up.hidden = scrollY < 2 * innerHeight), { passive: true });
  up.addEventListener("click", (event) => {
    event.preventDefault();
    scrollTo(0, 0);
    document.getElementById("main").focus({ preventScroll: true });
  });
}

function closeDrawerWhereItIsNone() {
  narrow.addEventListener("change", () => {
    if (document.body.dataset.drawer === "open") setDrawer(false);
  });
}

export function watchFrame() {
  followSystem();
  closeDrawerWhereItIsNone();
  watchWayUp();
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (document.body.dataset.drawer === "open" && narrow.matches) setDrawer(false);
    closeOpened();
  });
}
