// When the live feed tells another number of firing alerts, what is shown of them is asked for at once.
import { feed } from "../js/live.js";

let firing = null;

function hear(event) {
  const tile = event.detail.tiles?.find((one) => one.key === "alerts");
  if (!tile) return;
  if (firing !== null && tile.value !== firing) {
    for (const part of document.querySelectorAll("[data-refresh]")) part.dispatchEvent(new Event("es:due"));
  }
  firing = tile.value;
}

feed.addEventListener("snapshot", hear);
feed.addEventListener("tick", hear);
