// Posts the sign-in link once a person sees the page; a preview or prerender does not use it up.
const form = document.querySelector("[data-sign-in-link]");

function post() {
  if (form && document.visibilityState === "visible" && !document.prerendering) {
    form.requestSubmit();
    return true;
  }
  return false;
}

if (!post()) {
  document.addEventListener("visibilitychange", post);
  document.addEventListener("prerenderingchange", post);
}
