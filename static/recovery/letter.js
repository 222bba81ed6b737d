// Keys on a letter's page: "j" goes to the older of the same failure, "k" to the newer.
function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable=true], dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const rel = { j: "next", k: "prev" }[event.key];
  if (rel) document.querySelector(`[data-neighbours] a[rel=${rel}]`)?.click();
});
