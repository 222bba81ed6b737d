// Runs before the first paint (a classic script in head): the kept choice, else the system's.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem("es-theme");
  } catch {
    // Storage may be refused; the system's choice is then followed.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.bsTheme = choice || (dark ? "dark" : "light");
  document.documentElement.dataset.themeChoice = choice || "system";
})();
