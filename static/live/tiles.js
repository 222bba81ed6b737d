// The overview's tiles: number, word, tone and trend of each.
import { tileText } from "../js/numbers.js";

const WIDTH = 72;
const HEIGHT = 28;

function points(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return "";
  const top = Math.max(...known) || 1;
  const across = WIDTH / (values.length - 1);
  return values
    .map((value, place) => (value === null ? null : `${(place * across).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`))
    .filter((point) => point !== null)
    .join(" ");
}

function show(tile) {
  const element = document.querySelector(`[data-tile="${CSS.escape(tile.key)}"]`);
  if (!element) return;
  const [number, unit] = tileText(tile.value, tile.unit);
  const value = element.querySelector(".es-tile-value");
  const small = document.createElement("span");
  small.className = "es-tile-unit";
  small.textContent = unit || "";
  value.replaceChildren(number, small);
  element.dataset.tone = tile.tone;
  element.querySelector(".es-tile-label").textContent = tile.label;
  element.querySelector(".es-tile-word").textContent = tile.word;
  element.querySelector("polyline").setAttribute("points", points(tile.trend));
}

export function showTiles(tiles) {
  for (const tile of tiles) show(tile);
}
