// Rows that the server rendered, fetched to be put into the list.
import { localise } from "../js/time.js";

// The table of the answer: what it tells stands in its data-*, its rows are to be moved from it.
export async function fetchRows(address, signal) {
  const answer = await fetch(address, { signal });
  if (answer.redirected || !answer.ok) throw new Error(`The server answered ${answer.status}`);
  const table = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("table");
  localise(table);
  return { told: table.dataset, rows: [...table.tBodies[0].rows].map((row) => document.adoptNode(row)) };
}

export function listBody() {
  return document.querySelector("table[data-keys]").tBodies[0];
}

// The list with rows in it is shown; the word that there are none goes.
export function showList() {
  document.querySelector("[data-list]").hidden = false;
  document.querySelector("[data-nothing]")?.remove();
}
