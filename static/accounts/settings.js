// The choice of theme on the settings page.
import { keepTheme } from "../js/frame.js";

const buttons = document.querySelectorAll("[data-theme-choice]:is(button)");

function mark() {
  const choice = document.documentElement.dataset.themeChoice;
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
}

for (const button of buttons) button.addEventListener("click", () => keepTheme(button.dataset.themeChoice));
document.addEventListener("es:theme", mark);
mark();
