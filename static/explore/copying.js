// Copies of an event: asked of the server when they are wanted, so that no page carries them all.
//
// A button with data-copy-as stands in an element with data-copies, the address of the event's copies.
import { announce } from "../js/copy.js";

export async function copiesOf(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
  return answer.json();
}

// The browser lets a page copy only while the click is fresh; a promise given at once keeps it so.
export async function copyLater(promise) {
  try {
    if (window.ClipboardItem?.supports?.("text/plain")) {
      const blob = promise.then((text) => new Blob([text], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    } else {
      await navigator.clipboard.writeText(await promise);
    }
    announce("Copied");
    return true;
  } catch {
    announce("Copying did not succeed");
    return false;
  }
}

async function copyAs(button) {
  const { copies } = button.closest("[data-copies]").dataset;
  const kind = button.dataset.copyAs;
  const done = await copyLater(copiesOf(copies).then((forms) => forms[kind]));
  button.dataset[done ? "done" : "failed"] = "";
  setTimeout(() => {
    delete button.dataset.done;
    delete button.dataset.failed;
  }, 1500);
}

export function watchCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy-as]");
    if (button) copyAs(button);
  });
}
