// Recognition where this runs, window for window as otolith.streaming does it on a server.

import { Clock } from "./clock.js";
import { Beginning, refuseStream } from "./fits.js";
import { Filter } from "./smoothing.js";
import { Windows, windowLength } from "./windows.js";

export class Recogniser {
  /**
   * Opens a recogniser for a stream {channels, rate_hz}. Throws a Refusal if the model cannot be used on it.
   * `load(about)` gives the network, from (windows, [windows, channels, steps]) to {probabilities, scores};
   * `resampling(length, steps)` the matrix (length x steps) that resamples a window.
   */
  static async open(about, said, load, resampling) {
    refuseStream(about, said);
    const length = windowLength(said.rate_hz, about.window_s);
    const { steps } = about.in_page;
    const [network, matrix] = await Promise.all([load(about), length === steps ? null : resampling(length, steps)]);
    return new Recogniser(about, said, network, matrix);
  }

  constructor(about, { channels, rate_hz: rate }, network, matrix) {
    const { steps, overlap, max_gap_s: gap, smoothing } = about.in_page;
    this.about = about;
    this.network = network;
    this.order = about.channels.map((name) => channels.indexOf(name));
    this.clock = new Clock(rate, gap);
    this.windows = new Windows({ rate, seconds: about.window_s, overlap, steps, order: this.order, matrix });
    this.beginning = new Beginning(about, rate);
    this.filter = new Filter(smoothing);
    this.newest = null;
  }

  /** Takes times [n] in seconds and rows [channel][n] in m/s² and rad/s; returns predictions as in otolith.live.protocol. */
  async push(times, rows) {
    const began = performance.now();
    this.newest = times.at(-1);
    return this.#recognise(this.clock.push(times, rows), began);
  }

  /** Ends the stream; returns predictions of the windows that waited for a last sample. */
  async finish() {
    const began = performance.now();
    this.beginning.finish();
    return this.#recognise(this.clock.finish(), began);
  }

  async #recognise(pieces, began) {
    const windows = pieces.flatMap((piece) => {
      this.beginning.push(this.order.map((row) => piece.rows[row]));
      return this.windows.take(piece);
    });
    if (!windows.length) return [];
    const size = windows[0].values.length;
    const all = new Float32Array(windows.length * size);
    windows.forEach(({ values }, i) => all.set(values, i * size));
    const said = await this.network(all, [windows.length, this.order.length, this.about.in_page.steps]);
    const n = this.about.activities.length;
    const found = windows.map(({ start }, i) => (
      this.#prediction(start, said.probabilities.slice(i * n, (i + 1) * n), said.scores?.[i] ?? null)
    ));
    const cost = (performance.now() - began) / windows.length;
    return found.map((one) => ({ ...one, compute_ms: cost }));
  }

  #prediction(start, probabilities, score) {
    const { states, window_s: seconds, in_page: { unknown_above: threshold } } = this.about;
    const unknown = score !== null && score > Math.fround(threshold); // the score has single precision
    const belief = this.filter.step(probabilities, unknown, start);
    const probability = Math.max(...belief);
    return {
      start_s: start,
      stop_s: start + seconds,
      activity: states[belief.indexOf(probability)],
      probability,
      unknown,
      p: Array.from(probabilities),
      belief,
      score,
      waited_ms: 1000 * Math.max(0, this.newest - (start + seconds)),
    };
  }
}
