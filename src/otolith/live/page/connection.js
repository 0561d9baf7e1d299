// The WebSocket to the server; otolith.live.protocol describes its messages.

const PING_MS = 1000;
const KEPT = 9;
const MOST_BEHIND = 256 * 1024; // bytes that may wait for a slow network

export class Connection {
  /** `first`: the message that begins it; `on`: functions by the type of message, and `closed(reason)`. */
  constructor(first, on) {
    this.on = on;
    this.trips = [];
    this.unsent = 0;
    this.reason = null;
    const address = new URL("stream", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.hash = "";
    this.socket = new WebSocket(address);
    this.socket.addEventListener("open", () => {
      this.send(first);
      this.ping();
      this.timer = setInterval(() => this.ping(), PING_MS);
    });
    this.socket.addEventListener("message", (event) => this.#take(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => {
      clearInterval(this.timer);
      const lost = "The connection was lost. Start the server again if it has ended, then reload this page.";
      this.on.closed?.(this.reason ?? (event.code === 1000 ? null : event.reason || lost));
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
    this.send({ type: "stop" });
    setTimeout(() => this.socket.close(1000), 1500);
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
