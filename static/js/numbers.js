// Numbers for the eye; the same as the filters `compact`, `ms` and `percent` of the templates.
function known(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function trimmed(value, digits) {
  return String(Number(value.toFixed(digits)));
}

export function compact(value) {
  if (!known(value)) return "—";
  const size = Math.abs(value);
  for (const [limit, unit, by] of [[1e9, "G", 1e9], [1e6, "M", 1e6], [1e4, "k", 1e3]]) {
    if (size >= limit) return `${trimmed(value / by, 1)}${unit}`;
  }
  if (Number.isInteger(value) || size >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

export function duration(value) {
  if (!known(value)) return "—";
  if (value < 10) return `${Number(value.toPrecision(2))} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60000) return `${trimmed(value / 1000, 1)} s`;
  const minutes = Math.floor(value / 60000);
  if (minutes < 60) return `${minutes} m`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}

export function percent(value) {
  if (!known(value)) return "—";
  const hundred = value * 100;
  if (hundred === 0) return "0%";
  if (hundred < 1) return `${Number(hundred.toPrecision(2))}%`;
  return hundred < 10 ? `${Number(hundred.toPrecision(3))}%` : `${hundred.toFixed(1)}%`;
}

export function tileText(value, unit) {
  if (!known(value)) return ["—", ""];
  if (unit === "share") return [percent(value), ""];
  if (unit === "ms") return duration(value).split(" ");
  return [compact(value), unit];
}
