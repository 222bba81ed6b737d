// Charts whose figures came with the page: data-figure names the JSON script that holds one.
import { Chart } from "../js/chart.js";

for (const element of document.querySelectorAll("[data-figure]")) {
  const figure = JSON.parse(document.getElementById(element.dataset.figure).textContent);
  const chart = new Chart(element);
  chart.show(figure, element.dataset.empty).catch(() => chart.note("The chart could not be drawn."));
}
