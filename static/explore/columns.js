// Choosing columns: the boxes and arrows write the field that is sent; the field alone works too.
function write(form) {
  const chosen = [...form.querySelectorAll("[data-column]")].filter((item) => item.querySelector("input").checked);
  form.elements.columns.value = chosen.map((item) => item.dataset.column).join(",");
}

function add(form) {
  const field = form.querySelector("[data-path]");
  const path = field.value.trim();
  if (!path) return;
  const names = form.elements.columns.value.split(",").filter(Boolean);
  if (!names.includes(path)) form.elements.columns.value = [...names, path].join(",");
  form.requestSubmit();
}

function onClick(event) {
  const form = event.currentTarget;
  const item = event.target.closest("[data-column]");
  if (event.target.closest("[data-up]")) item.previousElementSibling?.before(item);
  if (event.target.closest("[data-down]")) item.nextElementSibling?.after(item);
  if (event.target.closest("[data-up], [data-down]")) {
    write(form);
    event.target.closest("button").focus();
  }
  if (event.target.closest("[data-add]")) add(form);
}

export function watchColumns() {
  const form = document.querySelector("[data-columns-form]");
  if (!form) return;
  form.elements.columns.closest("label").hidden = true;
  form.addEventListener("click", onClick);
  form.addEventListener("change", (event) => {
    if (event.target.matches("[type=checkbox]")) write(form);
  });
  form.querySelector("[data-path]").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add(form);
  });
}
