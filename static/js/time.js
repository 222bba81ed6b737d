// Times: local for the eye, UTC on hover, "ago" kept current.
const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const day = { month: "short", day: "2-digit" };
const clock = new Intl.DateTimeFormat(undefined, { ...time, fractionalSecondDigits: 3 });
const dated = new Intl.DateTimeFormat(undefined, { ...day, ...time });
const full = new Intl.DateTimeFormat(undefined, { year: "numeric", ...day, ...time });
let today = new Date().toDateString();

export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, (now - ms) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

// How long until then, for what is counted down.
export function left(ms, now = Date.now()) {
  const seconds = Math.max(0, (ms - now) / 1000);
  if (seconds < 3600) return `in ${Math.ceil(seconds / 60)} min`;
  if (seconds < 2 * 86400) return `in ${Math.floor(seconds / 3600)} h`;
  return `in ${Math.floor(seconds / 86400)} d`;
}

export function localTime(ms) {
  return clock.format(new Date(ms));
}

// Today by the clock, to the millisecond; else by date, with the year if it is another.
export function localMoment(ms, now = new Date()) {
  const moment = new Date(ms);
  if (moment.toDateString() === now.toDateString()) return clock.format(moment);
  return (moment.getFullYear() === now.getFullYear() ? dated : full).format(moment);
}

export function utc(ms) {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function show(element) {
  const ms = Number(element.dataset.ms);
  const shown = { ago, left, time: localTime }[element.dataset.style] || localMoment;
  element.textContent = shown(ms);
}

export function localise(root) {
  const found = root.querySelectorAll ? root.querySelectorAll("time[data-ms]") : [];
  for (const element of found) show(element);
  if (root.matches?.("time[data-ms]")) show(root);
}

setInterval(() => {
  if (document.hidden) return;
  if (today !== new Date().toDateString()) {
    today = new Date().toDateString();
    localise(document);
  }
  for (const element of document.querySelectorAll('time[data-style="ago"], time[data-style="left"]')) show(element);
}, 1000);
