// Pictures: signals between two times with the stretch that is asked about, lanes of labels, and the curve of agreement.

import { colour, fitted, placesOf, upon } from "./colours.js";

export const LEFT = 40;
const BOTTOM = 17;
const AXES = ["x", "y", "z"];

/** Returns the name of the colour of an activity. */
export function barOf(activities, name) {
  const i = activities.indexOf(name);
  return i < 0 ? "unknown" : `c${placesOf(activities)[i]}`;
}

/** Draws one sensor. `view`: {from, to, start, stop, cursor}; `streams`: of the server. */
export function drawSignals(canvas, kind, streams, view) {
  const { context: c, width, height } = fitted(canvas);
  if (!width) return;
  const bottom = height - BOTTOM;
  const x = (t) => LEFT + ((t - view.from) / (view.to - view.from)) * (width - LEFT);
  const rows = [];
  for (const { channels, t, x: values, step } of streams) {
    channels.forEach((name, i) => {
      const axis = AXES.findIndex((each) => name === `${kind}_${each}`);
      if (axis >= 0) rows.push({ axis, t, values: values[i], gap: Math.max(0.3, 4 * step) });
    });
  }
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) for (const v of row.values) { if (v < low) low = v; if (v > high) high = v; }
  if (low > high) [low, high] = [-1, 1];
  const extra = Math.max(0.08 * (high - low), ((kind === "acc" ? 4 : 1) - (high - low)) / 2);
  [low, high] = [low - extra, high + extra];
  const y = (v) => 3 + ((high - v) / (high - low)) * (bottom - 6);
  shade(c, x, view, width, bottom);
  c.strokeStyle = colour("line");
  c.fillStyle = colour("muted");
  c.textBaseline = "middle";
  c.textAlign = "right";
  const step = nice((high - low) / 4);
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) {
    const at = Math.round(y(v)) + 0.5;
    c.beginPath(); c.moveTo(LEFT, at); c.lineTo(width, at); c.stroke();
    if (at > 6 && at < bottom - 4) c.fillText(String(Number(v.toFixed(2))).replace("-", "−"), LEFT - 6, at);
  }
  seconds(c, x, view, width, height);
  c.save();
  c.beginPath(); c.rect(LEFT, 0, width - LEFT, bottom); c.clip();
  c.lineWidth = 1.4; c.lineJoin = "round";
  for (const row of rows) {
    c.strokeStyle = colour(AXES[row.axis]);
    c.beginPath();
    let before = -Infinity;
    for (let i = 0; i < row.t.length; i += 1) {
      const at = row.t[i];
      if (at - before > row.gap) c.moveTo(x(at), y(row.values[i])); else c.lineTo(x(at), y(row.values[i]));
      before = at;
    }
    c.stroke();
  }
  c.restore();
  edges(c, x, view, bottom);
}

/** Draws labels above, and below them what the model says. */
export function drawLane(canvas, labels, activities, view) {
  const { context: c, width, height } = fitted(canvas);
  if (!width) return;
  const x = (t) => LEFT + ((t - view.from) / (view.to - view.from)) * (width - LEFT);
  const tall = Math.floor((height - 4) / 2);
  shade(c, x, view, width, height);
  c.save();
  c.beginPath(); c.rect(LEFT, 0, width - LEFT, height); c.clip();
  spans(c, labels.own, activities, x, 0, tall, true);
  c.globalAlpha = 0.45;
  spans(c, labels.guesses, activities, x, tall + 4, tall, false);
  c.globalAlpha = 1;
  c.restore();
  c.fillStyle = colour("muted");
  c.textAlign = "left"; c.textBaseline = "middle";
  c.font = "11px system-ui, sans-serif";
  c.fillText("you", 0, tall / 2);
  c.fillText("model", 0, tall + 4 + tall / 2);
  edges(c, x, view, height);
}

/** Draws all of a recording as one lane. */
export function drawOverview(canvas, labels, activities, whole, view) {
  const { context: c, width, height } = fitted(canvas);
  if (!width || !whole) return;
  const x = (t) => ((t - whole.first) / Math.max(1e-3, whole.last - whole.first)) * width;
  c.fillStyle = colour("track");
  c.fillRect(0, 0, width, height);
  c.globalAlpha = 0.4;
  spans(c, labels.guesses, activities, x, height / 2, height / 2, false);
  c.globalAlpha = 1;
  spans(c, labels.own, activities, x, 0, height / 2, false);
  c.strokeStyle = colour("ink");
  c.lineWidth = 2;
  c.strokeRect(Math.max(1, x(view.from)), 1, Math.max(4, Math.min(width - 2, x(view.to)) - Math.max(1, x(view.from))), height - 2);
}

/** Draws the share of labels left out that were guessed, by the number of labels. */
export function drawCurve(canvas, points) {
  const { context: c, width, height } = fitted(canvas);
  if (!width) return;
  const most = Math.max(10, ...points.map(([n]) => n));
  const bottom = height - BOTTOM;
  const x = (n) => LEFT + (n / most) * (width - LEFT - 6);
  const y = (v) => 5 + (1 - v) * (bottom - 8);
  c.strokeStyle = colour("line"); c.fillStyle = colour("muted");
  c.textAlign = "right"; c.textBaseline = "middle";
  for (const v of [0, 0.5, 1]) {
    const at = Math.round(y(v)) + 0.5;
    c.beginPath(); c.moveTo(LEFT, at); c.lineTo(width, at); c.stroke();
    c.fillText(`${100 * v}%`, LEFT - 4, Math.max(7, at));
  }
  c.textBaseline = "alphabetic";
  c.fillText(`${most} labels`, width, height - 2);
  c.strokeStyle = colour("accent"); c.fillStyle = colour("accent"); c.lineWidth = 2;
  c.beginPath();
  points.forEach(([n, v], i) => (i ? c.lineTo(x(n), y(v)) : c.moveTo(x(n), y(v))));
  c.stroke();
  const last = points.at(-1);
  if (last) { c.beginPath(); c.arc(x(last[0]), y(last[1]), 3.5, 0, 7); c.fill(); }
}

function spans(c, found, activities, x, top, tall, named) {
  c.textBaseline = "middle"; c.textAlign = "left";
  c.font = "11px system-ui, sans-serif";
  for (const [start, stop, name] of found) {
    const [a, b] = [x(start), x(stop)];
    if (b < 0 || a > c.canvas.width) continue;
    c.fillStyle = colour(barOf(activities, name));
    c.fillRect(a, top, Math.max(1, b - a - 0.5), tall);
    const from = Math.max(a, LEFT) + 4;
    if (named && c.measureText(name).width < b - from - 4) { c.fillStyle = upon(barOf(activities, name)); c.fillText(name, from, top + tall / 2 + 0.5); }
  }
}

function shade(c, x, view, width, bottom) {
  if (view.start === null) return;
  c.globalAlpha = 0.13;
  c.fillStyle = colour("accent");
  const [a, b] = [Math.max(LEFT, x(view.start)), Math.min(width, x(view.stop))];
  if (b > a) c.fillRect(a, 0, b - a, bottom);
  c.globalAlpha = 1;
}

function edges(c, x, view, bottom) {
  if (view.start === null) return;
  c.strokeStyle = colour("accent"); c.lineWidth = 1.5;
  for (const t of [view.start, view.stop]) {
    if (x(t) < LEFT - 1) continue;
    c.beginPath(); c.moveTo(x(t), 0); c.lineTo(x(t), bottom); c.stroke();
  }
  if (view.cursor !== null && view.cursor >= view.from && view.cursor <= view.to) {
    c.strokeStyle = colour("ink"); c.lineWidth = 1.5;
    c.beginPath(); c.moveTo(x(view.cursor), 0); c.lineTo(x(view.cursor), bottom); c.stroke();
  }
}

function seconds(c, x, view, width, height) {
  const step = nice((view.to - view.from) / Math.max(2, Math.floor((width - LEFT) / 75)));
  c.textBaseline = "alphabetic"; c.textAlign = "center"; c.fillStyle = colour("muted");
  for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
    if (x(t) > LEFT + 12 && x(t) < width - 20) c.fillText(clock(t, step), x(t), height - 3);
  }
}

/** 65 -> "1:05"; 3.5 -> "0:03.5" */
export function clock(t, step = 1) {
  const sign = t < 0 ? "−" : "";
  const tenths = Math.round(Math.abs(t) * 10) / 10;
  const [h, m, s] = [Math.floor(tenths / 3600), Math.floor(tenths / 60) % 60, tenths % 60];
  const whole = step < 1 ? s.toFixed(1).padStart(4, "0") : String(Math.floor(s)).padStart(2, "0");
  return `${sign}${h ? `${h}:${String(m).padStart(2, "0")}` : m}:${whole}`;
}

/** Returns the next of 1, 2, 5, 10, ... */
function nice(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-6)));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least * 0.999);
}
