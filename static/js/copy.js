// Buttons that copy: data-copy holds the text.
export function announce(text) {
  const place = document.getElementById("announce");
  if (place) place.textContent = text;
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    announce("The browser did not allow copying");
    return;
  }
  button.dataset.done = "";
  announce("Copied");
  setTimeout(() => delete button.dataset.done, 1500);
}

export function watchCopies() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    copy(button);
  });
}
