// The WebSocket to the server; otolith.live.protocol describes its messages.

const PING_MS = 1000;
const KEPT = 9;
const MOST_BEHIND = 256 * 1024; // bytes that may wait for a slow network
const AGAIN_MS = [500, 1000, 2000, 4000, 8000, 15000, 30000]; // pauses before a lost connection is tried again
const LOST = "The connection was lost. Start the server again if it has ended, then reload this page.";
const TRYING = "The connection was lost; it is being tried again. What you have seen stays.";

export class Connection {
  /**
   * `first`: the message that begins it; `on`: functions by the type of message, `closed(reason)`, and `lost(text)`, told
   * while a connection that breaks is tried again and, with null, once it is there. One for samples begins anew then, with
   * the samples that follow; a replay ends.
   */
  constructor(first, on) {
    this.on = on;
    this.trips = [];
    this.unsent = 0;
    this.reason = null;
    this.first = first;
    this.stopping = false;
    this.attempts = null; // none failed since it was open; null: it never was
    this.#connect();
  }

  #connect() {
    const address = new URL("stream", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.hash = "";
    this.socket = new WebSocket(address);
    this.socket.addEventListener("open", () => {
      if (this.attempts) this.on.lost?.(null);
      this.attempts = 0;
      this.send(this.first);
      this.ping();
      this.timer = setInterval(() => this.ping(), PING_MS);
    });
    this.socket.addEventListener("message", (event) => this.#take(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => {
      clearInterval(this.timer);
      const broken = event.code !== 1000 && !event.reason && !this.reason && !this.stopping;
      if (broken && this.first.type === "start" && this.attempts !== null && this.attempts < AGAIN_MS.length) {
        this.on.lost?.(TRYING);
        this.again = setTimeout(() => this.#connect(), AGAIN_MS[this.attempts]);
        this.attempts += 1;
        return;
      }
      this.on.closed?.(this.reason ?? (event.code === 1000 || this.stopping ? null : event.reason || LOST));
    });
  }

  send(message) {
    if (!this.ready) return;
    this.socket.send(JSON.stringify({ v: 1, ...message }));
  }

  /** True while samples may be sent. */
  get ready() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  samples(t, x) {
    if (this.socket.bufferedAmount > MOST_BEHIND) this.unsent += t.length;
    else this.send({ type: "samples", t, x });
  }

  ping() {
    this.send({ type: "ping", sent: performance.now() });
  }

  /** Median of the last times to the server and back, in ms; null before the first. */
  get network() {
    const sorted = [...this.trips].sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
  }

  /** Takes the last predictions, and ends. */
  stop() {
    this.stopping = true;
    clearTimeout(this.again);
    if (!this.ready) return this.on.closed?.(null);
    this.send({ type: "stop" });
    setTimeout(() => this.socket.close(1000), this.first.record ? 20000 : 1500); // a recording is written first
  }

  #take(message) {
    if (message.type === "pong") {
      this.trips = [...this.trips, performance.now() - message.sent].slice(-KEPT);
    } else if (message.type === "error") {
      this.reason = message.reason;
    } else if (message.type === "end") {
      this.socket.close(1000);
    }
    this.on[message.type]?.(message);
  }
}
