// The shell of every page.
import { watchCopies } from "./copy.js";
import { watchFrame } from "./frame.js";
import { watchKeys } from "./keys.js";
import { feed } from "./live.js";
import { watchHonesty } from "./honesty.js";
import { localise } from "./time.js";

localise(document);
document.addEventListener("htmx:load", (event) => localise(event.detail.elt));
watchFrame();
watchCopies();
watchKeys();
if (feed.url) {
  watchHonesty(feed);
  feed.open();
}
