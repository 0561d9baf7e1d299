// The recognised states of the last minutes, one lane for each.

import { colour, fitted, ofState } from "./colours.js";

const SECONDS = 180;
const BOTTOM = 18;

export class Timeline {
  constructor(canvas, states) {
    this.canvas = canvas;
    this.states = states;
    canvas.style.height = `${Math.min(states.length, 12) * 20 + BOTTOM}px`;
    this.clear();
  }

  clear() {
    this.spans = []; // {state, from, to}
  }

  /** Adds a window of `state` that stands for `from` to `to` (seconds). */
  push(state, from, to) {
    const last = this.spans.at(-1);
    if (last && last.state === state && from <= last.to + 1e-6) last.to = to;
    else this.spans.push({ state, from: last && from < last.to ? last.to : from, to });
    while (this.spans.length && this.spans[0].to < to - SECONDS - 10) this.spans.shift();
  }

  draw(edge) {
    const { context: c, width, height } = fitted(this.canvas);
    if (!width) return;
    const lanes = this.#lanes();
    c.font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
    const left = Math.min(0.42 * width, 12 + Math.max(...lanes.map((i) => c.measureText(title(this.states[i])).width)));
    const tall = (height - BOTTOM) / lanes.length;
    const x = (t) => width - ((edge - t) / SECONDS) * (width - left);
    this.#rulers(c, left, width, height);
    lanes.forEach((state, lane) => {
      const middle = (lane + 0.5) * tall;
      c.fillStyle = colour("muted");
      c.textAlign = "left";
      c.textBaseline = "middle";
      c.fillText(shortened(c, title(this.states[state]), left - 10), 0, middle);
      c.fillStyle = colour("track");
      rounded(c, left, middle - tall * 0.3, width - left, tall * 0.6);
      c.fillStyle = colour(ofState(this.states, state));
      for (const span of this.spans) {
        if (span.state !== state) continue;
        const from = Math.max(left, x(span.from));
        if (x(span.to) > left) rounded(c, from, middle - tall * 0.3, Math.max(2, x(span.to) - from), tall * 0.6);
      }
    });
  }

  /** Returns all states or, of very many, those that have come up. */
  #lanes() {
    const all = this.states.map((_, i) => i);
    if (all.length <= 12) return all;
    const seen = new Set(this.spans.map((span) => span.state));
    return [...all.filter((i) => seen.has(i)), ...all.filter((i) => !seen.has(i))].slice(0, 12).sort((a, b) => a - b);
  }

  #rulers(c, left, width, height) {
    c.fillStyle = colour("muted");
    c.textBaseline = "alphabetic";
    for (let back = 0; back < SECONDS; back += 60) {
      c.textAlign = back ? "center" : "right";
      const at = width - (back / SECONDS) * (width - left);
      c.fillText(back ? `−${back / 60} min` : "now", at, height - 2);
    }
  }
}

function title(name) {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

function shortened(c, text, room) {
  if (c.measureText(text).width <= room) return text;
  let n = text.length;
  while (n > 1 && c.measureText(`${text.slice(0, n)}…`).width > room) n -= 1;
  return `${text.slice(0, n)}…`;
}

function rounded(c, x, y, width, height) {
  c.beginPath();
  c.roundRect(x, y, width, height, Math.min(3, width / 2));
  c.fill();
}
