// The live feed: one socket a page, closed while the page is hidden, opened again with jitter.
//
// Events of `feed`: "snapshot" and "tick" (detail: the message), "stale" (detail: since, ms),
// "fresh". A snapshot follows every connect, so what was missed is never guessed.
const FIRST_DELAY = 500;
const LONGEST_DELAY = 20000;
const SILENT_AFTER = 5000;

export class LiveFeed extends EventTarget {
  constructor(path, signInUrl) {
    super();
    this.url = path && new URL(path, location.href.replace(/^http/, "ws")).href;
    this.signInUrl = signInUrl;
    this.socket = null;
    this.seq = null;
    this.delay = FIRST_DELAY;
    this.heard = Date.now();
    this.stale = false;
    this.reconnect = 0;
    document.addEventListener("visibilitychange", () => this.follow());
    addEventListener("pagehide", () => this.close());
    setInterval(() => this.listen(), 1000);
  }

  open() {
    if (document.hidden || this.socket) return;
    clearTimeout(this.reconnect);
    const socket = (this.socket = new WebSocket(this.url));
    // What a socket that we have left still says is not of the one that we have now.
    socket.addEventListener("message", (event) => socket === this.socket && this.take(event.data));
    socket.addEventListener("close", (event) => socket === this.socket && this.lost(event.code));
  }

  close() {
    clearTimeout(this.reconnect);
    const socket = this.socket;
    this.socket = null;
    this.seq = null;
    socket?.close(1000);
  }

  follow() {
    if (document.hidden) {
      this.close();
    } else {
      this.heard = Date.now();
      this.delay = FIRST_DELAY;
      this.open();
    }
  }

  take(text) {
    const message = JSON.parse(text);
    this.heard = Date.now();
    if (message.type === "tick" && this.seq !== null && message.seq !== this.seq + 1) {
      this.socket.send(JSON.stringify({ ack: message.seq, resync: true }));
      this.seq = null;
      return;
    }
    this.seq = message.seq;
    this.delay = FIRST_DELAY;
    this.socket.send(JSON.stringify({ ack: message.seq }));
    this.setStale(false);
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  lost(code) {
    this.socket = null;
    this.seq = null;
    if (code === 4401) {
      location.reload();
      return;
    }
    this.setStale(true);
    if (code === 4403) return;
    const wait = this.delay * (0.5 + Math.random());
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
    this.reconnect = setTimeout(() => this.open(), wait);
  }

  listen() {
    if (document.hidden) return;
    if (Date.now() - this.heard > SILENT_AFTER) this.setStale(true);
  }

  setStale(stale) {
    if (stale === this.stale) return;
    this.stale = stale;
    this.dispatchEvent(new CustomEvent(stale ? "stale" : "fresh", { detail: this.heard }));
  }
}

const { liveUrl, signInUrl } = document.body.dataset;
export const feed = new LiveFeed(liveUrl, signInUrl);
