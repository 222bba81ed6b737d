// Times: local for the eye, UTC on hover, "ago" kept current.
const full = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});

export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, (now - ms) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function localTime(ms) {
  return clock.format(new Date(ms));
}

export function localMoment(ms) {
  return full.format(new Date(ms));
}

export function utc(ms) {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function show(element) {
  const ms = Number(element.dataset.ms);
  const shown = { ago, time: localTime, full: localMoment }[element.dataset.style] || localMoment;
  element.textContent = shown(ms);
}

export function localise(root) {
  const found = root.querySelectorAll ? root.querySelectorAll("time[data-ms]") : [];
  for (const element of found) show(element);
  if (root.matches?.("time[data-ms]")) show(root);
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll('time[data-style="ago"]')) show(element);
}, 1000);
