// Downloads that tell how far they are and can be stopped. Without this the links download by themselves.
import { compact } from "../js/numbers.js";

const NEWLINE = 10;
let running = null;

function told(form, text, { done = false } = {}) {
  const place = form.querySelector("[data-progress]");
  place.hidden = false;
  place.querySelector("[data-told]").textContent = text;
  place.querySelector("[data-stop]").hidden = done;
}

function size(bytes) {
  return bytes < 1e6 ? `${compact(Math.ceil(bytes / 1000))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function lines(chunk) {
  let count = 0;
  for (const byte of chunk) if (byte === NEWLINE) count += 1;
  return count;
}

async function read(answer, onProgress) {
  const parts = [];
  let bytes = 0;
  let rows = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { parts, bytes, rows };
    parts.push(value);
    bytes += value.length;
    rows += lines(value);
    onProgress(bytes, rows);
  }
}

function keep(parts, answer) {
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: answer.headers.get("Content-Type") }));
  link.download = name || "events";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function download(form, link) {
  running?.abort();
  running = new AbortController();
  const address = new URL(link.href);
  address.searchParams.set("most", form.elements.most.value);
  told(form, "Reading…");
  try {
    const answer = await fetch(address, { signal: running.signal });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
    const { parts, bytes, rows } = await read(answer, (b, r) => told(form, `${compact(r)} lines, ${size(b)}…`));
    keep(parts, answer);
    const events = rows - (link.dataset.file === "csv" ? 1 : 0);
    const cut = events >= Number(answer.headers.get("X-Most-Rows")) ? ": the limit, there may be more" : "";
    told(form, `${compact(events)} events, ${size(bytes)}${cut}`, { done: true });
  } catch (error) {
    told(form, error.name === "AbortError" ? "Stopped; nothing was kept." : `${error.message}.`, { done: true });
  }
}

export function watchDownloads() {
  const form = document.querySelector("[data-download-form]");
  form?.addEventListener("submit", (event) => event.preventDefault());
  form?.addEventListener("click", (event) => {
    const link = event.target.closest("[data-file]");
    if (event.target.closest("[data-stop]")) running?.abort();
    if (!link) return;
    event.preventDefault();
    if (form.reportValidity()) download(form, link);
  });
}
