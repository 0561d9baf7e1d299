// Recognition in this page, with the interface of a Connection: from this device's sensors, of which nothing is sent, or
// from a recording, which the server plays.

import { Connection } from "./connection.js";
import { load, resampling } from "./network.js";
import { Recogniser } from "./recogniser.js";

const MOST_WAITING = 100; // pieces that wait for their turn, or for the recogniser to load: ten seconds

export class Local {
  /** Arguments as of a Connection; `about` is the server's description of the model. */
  constructor(first, on, about) {
    this.on = on;
    this.about = about;
    this.unsent = 0; // samples that came faster than this page computes
    this.reason = null;
    this.inbox = [];
    this.most = MOST_WAITING * Math.max(1, first.speed ?? 1);
    this.over = false;
    this.closed = false;
    this.playing = null;
    this.#run(first).then(() => this.#close(this.reason), (error) => this.#close(error.message ?? String(error)));
  }

  /** True at once: samples that come early wait here. */
  get ready() {
    return true;
  }

  get network() {
    return this.playing?.network ?? null;
  }

  samples(t, x) {
    if (this.over) return;
    if (this.inbox.length < this.most) this.inbox.push({ t, x, came: performance.now() });
    else {
      this.unsent += t.length;
      this.#say("pong", { dropped_samples: 0, dropped_messages: 0 });
    }
    this.wake?.();
  }

  /** Gives the last predictions, and ends. */
  stop() {
    if (this.playing) this.playing.stop();
    else this.#end();
    if (!this.recogniser) this.#close(null);
  }

  async #run(first) {
    const said = first.type === "replay" ? await load(this.about).then(() => this.#play(first)) : first;
    this.recogniser = await Recogniser.open(this.about, said, load, resampling);
    for (let item = await this.#next(); item && !this.closed; item = await this.#next()) {
      const queued = performance.now() - item.came;
      this.#tell(await this.recogniser.push(item.t, item.x), queued);
    }
    this.#tell(await this.recogniser.finish(), 0);
  }

  /** Lets the server play a recording; returns its message `ready`. */
  #play(first) {
    return new Promise((resolve, reject) => {
      this.playing = new Connection({ ...first, recognise: false }, {
        ready: (said) => {
          this.#say("ready", said);
          resolve(said);
        },
        signals: (message) => {
          this.#say("signals", message);
          this.samples(message.t, message.x);
        },
        pong: (message) => this.#say("pong", message),
        end: (message) => this.#say("end", message),
        closed: (reason) => {
          this.reason = reason;
          this.#end();
          reject(new Error(reason ?? "The recording ended before it began. Start it again."));
        },
      });
    });
  }

  /** Returns all waiting pieces as one, so that a slow page catches up; null at the end. */
  async #next() {
    while (!this.inbox.length && !this.over) await new Promise((resolve) => { this.wake = resolve; });
    if (!this.inbox.length) return null;
    const [first, ...more] = this.inbox;
    this.inbox = [];
    return {
      came: first.came,
      t: first.t.concat(...more.map(({ t }) => t)),
      x: first.x.map((row, i) => row.concat(...more.map(({ x }) => x[i]))),
    };
  }

  #end() {
    this.over = true;
    this.wake?.();
  }

  #tell(predictions, queued) {
    for (const found of predictions) this.#say("prediction", { ...found, queued_ms: queued });
  }

  #say(type, message) {
    if (!this.closed) this.on[type]?.(message);
  }

  #close(reason) {
    if (this.closed) return;
    this.closed = true;
    this.#end();
    this.playing?.stop();
    this.on.closed?.(reason);
  }
}
