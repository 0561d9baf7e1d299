// Brings samples with time stamps onto one regular clock, bit for bit as otolith.streaming.grid does for one sensor.

const OFF = 1e-6; // share of a step by which a sum of steps may be off
const ROUNDED = 1e-3;

export class Clock {
  /** `rate`: points a second. A step of more than `gap` seconds begins a new stretch, which no window spans. */
  constructor(rate, gap) {
    this.rate = rate;
    this.gap = gap;
    this.last = null; // time of the last sample
    this.run = null; // {start, k, times, rows}: what of the stretch is still needed; k is the next point's number
  }

  /** Takes times [n] and rows [channel][n]; returns the points that no later sample can change: [{start, fresh, rows}]. */
  push(times, rows) {
    const pieces = [];
    let from = 0;
    times.forEach((time, i) => {
      if (this.last !== null && time - this.last > this.gap + 1e-9) {
        this.#add(times, rows, from, i);
        pieces.push(...this.finish());
        from = i;
      }
      this.last = time;
    });
    this.#add(times, rows, from, times.length);
    pieces.push(...this.#points(false));
    return pieces;
  }

  /** Ends the stretch; returns its last points. */
  finish() {
    const pieces = this.#points(true);
    this.run = null;
    return pieces;
  }

  #add(times, rows, from, to) {
    if (from === to) return;
    this.run ??= { start: times[from], k: 0, times: [], rows: rows.map(() => []) };
    this.run.times.push(...times.slice(from, to));
    rows.forEach((row, i) => this.run.rows[i].push(...row.slice(from, to)));
  }

  #points(ended) {
    if (!this.run) return [];
    const { start, k, times } = this.run;
    const newest = times.at(-1);
    let last = Math.floor((newest - start) * this.rate + (ended ? OFF : ROUNDED));
    while (!ended && last >= k && start + last / this.rate > newest) last -= 1;
    if (last < k) return [];
    const points = Array.from({ length: last + 1 - k }, (_, i) => start + (k + i) / this.rate);
    const rows = this.run.rows.map((row) => interpolated(points, times, row));
    this.run.k = last + 1;
    this.#forget(points.at(-1));
    return [{ start, fresh: k === 0, rows }];
  }

  /** Drops samples from which no time later than `before` is interpolated. */
  #forget(before) {
    const { times, rows } = this.run;
    let first = 0;
    while (first + 1 < times.length && times[first + 1] <= before) first += 1;
    times.splice(0, first);
    for (const row of rows) row.splice(0, first);
  }
}

/** Interpolates linearly, in the order of operations of numpy.interp. */
function interpolated(points, times, row) {
  let j = 0;
  return points.map((point) => {
    while (j + 1 < times.length && times[j + 1] <= point) j += 1;
    if (j + 1 === times.length || times[j] === point) return row[j];
    const slope = (row[j + 1] - row[j]) / (times[j + 1] - times[j]);
    return slope * (point - times[j]) + row[j];
  });
}
