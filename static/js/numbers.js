// Numbers for the eye; the same as the filters `compact`, `ms` and `percent` of the templates.
export function compact(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "—";
  const size = Math.abs(value);
  for (const [limit, unit, by] of [[1e9, "G", 1e9], [1e6, "M", 1e6], [1e4, "k", 1e3]]) {
    if (size >= limit) return `${(value / by).toFixed(1).replace(/\.0$/, "")}${unit}`;
  }
  if (Number.isInteger(value) || size >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
