// The conversation with the server: it is opened again when it is lost, and nothing counts as labelled before it is saved.

const PING_MS = 20000;
const AGAIN_MS = 1500;

export class Connection {
  /** `on`: {state, proposal, saved, refused, open, lost}, told what comes. */
  constructor(on) {
    this.on = on;
    this.open();
    setInterval(() => this.send({ type: "ping" }), PING_MS);
  }

  open() {
    const url = new URL("work", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.addEventListener("open", () => this.on.open());
    this.socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      this.on[message.type]?.(message);
    });
    this.socket.addEventListener("close", ({ reason }) => {
      this.on.lost(reason);
      setTimeout(() => this.open(), AGAIN_MS);
    });
  }

  /** Returns false where there is no connection; then nothing is sent. */
  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ v: 1, ...message }));
    return true;
  }
}
