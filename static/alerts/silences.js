// The clocks of a window of maintenance are the browser's, unless somebody wrote others.
for (const zone of document.querySelectorAll("[data-zone]")) {
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone.value === "UTC" && mine) zone.value = mine;
}
