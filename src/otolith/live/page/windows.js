// Windows, cut and resampled by the rule of otolith.windows, as soon as their last sample has come.

export class Windows {
  /**
   * `rate` of the samples; `seconds` and `overlap` of the windows; `steps` that the model takes; `order`: number of the row
   * of each of its channels; `matrix`: resampling as a Float64Array (samples of a window x steps), null where there is none.
   */
  constructor({ rate, seconds, overlap, steps, order, matrix }) {
    Object.assign(this, { rate, steps, order, matrix });
    this.length = windowLength(rate, seconds);
    this.hop = seconds * (1 - overlap);
    this.begin(0);
  }

  begin(start) {
    this.start = start; // time of the stretch's first point
    this.at = 0; // number of the buffer's first point
    this.next = 0; // number of the next window
    this.rows = this.order.map(() => []);
  }

  /** Returns the windows that a piece of the clock completes: [{start, values}], values being Float32Array (channels x steps). */
  take({ start, fresh, rows }) {
    if (fresh) this.begin(start);
    this.order.forEach((row, i) => this.rows[i].push(...rows[row]));
    const made = [];
    for (;;) {
      const first = this.#first();
      if (first + this.length > this.at + this.rows[0].length) break;
      made.push({ start: this.start + first / this.rate, values: this.#resampled(first - this.at) });
      this.next += 1;
    }
    const drop = Math.min(Math.max(0, this.#first() - this.at), this.rows[0].length);
    for (const row of this.rows) row.splice(0, drop);
    this.at += drop;
    return made;
  }

  /** Number of the point where the next window begins. */
  #first() {
    return rounded(this.next * this.hop * this.rate);
  }

  #resampled(at) {
    const { length, steps, matrix } = this;
    const out = new Float32Array(this.rows.length * steps);
    this.rows.forEach((row, channel) => {
      for (let step = 0; step < steps; step += 1) {
        let sum = 0;
        if (matrix) for (let i = 0; i < length; i += 1) sum += row[at + i] * matrix[i * steps + step];
        else sum = row[at + step];
        out[channel * steps + step] = sum;
      }
    });
    return out;
  }
}

/** Returns the number of samples of a window. */
export function windowLength(rate, seconds) {
  return rounded(seconds * rate);
}

/** Rounds to the nearest whole number, halves to the even one, as Python and numpy do. */
function rounded(value) {
  const low = Math.floor(value);
  const over = value - low;
  return over > 0.5 || (over === 0.5 && low % 2) ? low + 1 : low;
}
