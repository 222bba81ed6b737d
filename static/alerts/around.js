// What surrounds an alert comes after the page: then its chart is drawn.
import { Chart } from "../js/chart.js";

document.getElementById("circumstances").addEventListener("htmx:afterSwap", (event) => {
  const slot = event.currentTarget.querySelector("[data-around]");
  if (!slot) return;
  const figure = JSON.parse(document.getElementById("around-figure").textContent);
  new Chart(slot).show(figure, "Nothing was measured in this time.");
});
