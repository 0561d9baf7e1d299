// Scrolling signals of one sensor: three axes over the last seconds.

import { colour, fitted } from "./colours.js";

const SECONDS = 8;
const KEPT = SECONDS + 6; // a fast replay is drawn some seconds behind what came
const GAP = 0.25;
const AXES = ["x", "y", "z"];
const LEFT = 30;
const BOTTOM = 18;

export class Signals {
  /** `least`: smallest span of the vertical axis; `around`: its range before the first sample. */
  constructor(canvas, least, around) {
    this.canvas = canvas;
    this.least = least;
    this.around = around;
    this.clear();
  }

  clear() {
    this.times = [];
    this.rows = AXES.map(() => []);
    [this.low, this.high] = this.around;
  }

  push(times, rows) {
    this.times.push(...times);
    rows.forEach((row, i) => this.rows[i].push(...row));
    const old = this.times.findIndex((t) => t > this.times.at(-1) - KEPT);
    if (old > 60) {
      this.times.splice(0, old);
      this.rows.forEach((row) => row.splice(0, old));
    }
  }

  /** Draws the signals before `edge` (seconds). */
  draw(edge) {
    const { context: c, width, height } = fitted(this.canvas);
    if (!width) return;
    this.#follow(edge);
    const span = this.high - this.low;
    const bottom = height - BOTTOM;
    const x = (t) => width - ((edge - t) / SECONDS) * (width - LEFT);
    const y = (v) => 4 + ((this.high - v) / span) * (bottom - 8);
    this.#grid(c, width, bottom, y, span);
    this.#seconds(c, width, height);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, width - LEFT, bottom);
    c.clip();
    c.lineWidth = 1.6;
    c.lineJoin = "round";
    this.rows.forEach((row, i) => this.#line(c, row, colour(AXES[i]), x, y, edge));
    c.restore();
  }

  /** Lets the vertical axis follow the signals without jumping. */
  #follow(edge) {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < this.times.length; i += 1) {
      if (this.times[i] < edge - SECONDS) continue;
      for (const row of this.rows) {
        if (row[i] < low) low = row[i];
        if (row[i] > high) high = row[i];
      }
    }
    if (low > high) [low, high] = this.around;
    const extra = Math.max(0.08 * (high - low), (this.least - (high - low)) / 2);
    this.low += 0.12 * (low - extra - this.low);
    this.high += 0.12 * (high + extra - this.high);
  }

  #grid(c, width, bottom, y, span) {
    const step = nice(span / Math.max(4, Math.floor(bottom / 32)));
    c.strokeStyle = colour("line");
    c.fillStyle = colour("muted");
    c.lineWidth = 1;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (let v = Math.ceil(this.low / step) * step; v <= this.high; v += step) {
      const at = Math.round(y(v)) + 0.5;
      if (at < 7 || at > bottom - 5) continue;
      c.beginPath();
      c.moveTo(LEFT, at);
      c.lineTo(width, at);
      c.stroke();
      c.fillText(String(Number(v.toFixed(2))).replace("-", "−"), LEFT - 7, at);
    }
  }

  #seconds(c, width, height) {
    c.textBaseline = "alphabetic";
    for (let back = 0; back < SECONDS; back += 2) {
      c.textAlign = back ? "center" : "right";
      c.fillText(back ? `−${back} s` : "now", width - (back / SECONDS) * (width - LEFT), height - 3);
    }
  }

  #line(c, row, stroke, x, y, edge) {
    c.strokeStyle = stroke;
    c.beginPath();
    let before = -Infinity;
    for (let i = 0; i < row.length; i += 1) {
      const t = this.times[i];
      if (t < edge - SECONDS - 0.5) continue;
      if (t - before > GAP) c.moveTo(x(t), y(row[i]));
      else c.lineTo(x(t), y(row[i]));
      before = t;
    }
    c.stroke();
  }
}

/** Returns the next of 1, 2, 5, 10, ... */
function nice(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least * 0.999);
}
