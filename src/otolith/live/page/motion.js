// This device's accelerometer and gyroscope, as m/s² and rad/s in the axes and with the signs that Android gives them.

import { Refusal } from "./refusal.js";

export { Refusal };

const RADIANS = Math.PI / 180;
const ACC = ["acc_x", "acc_y", "acc_z"];
const GYRO = ["gyro_x", "gyro_y", "gyro_z"];
// The rotation rate's alpha, beta and gamma are those about x, y and z: so say today's standard and all browsers,
// although the angles of an *orientation* with the same names are about z, x and y.
const ABOUT = ["alpha", "beta", "gamma"];
const MEASURED = 40; // events from which the rate is taken
const PATIENCE_MS = 3000;
const EVERY_MS = 100;

/** iOS and iPadOS give acceleration with the opposite sign. */
export const turned = /iPhone|iPad|iPod/.test(navigator.userAgent)
  || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);

/** True if the browser will ask the reader for permission. */
export const asks = typeof DeviceMotionEvent === "function" && typeof DeviceMotionEvent.requestPermission === "function";

/** [acc x, y, z, gyro x, y, z] of an event; null for an axis that is missing. */
export function values(event, gravity, flip = turned) {
  const acc = (gravity ? event.accelerationIncludingGravity : event.acceleration) ?? {};
  const sign = flip ? -1 : 1;
  const turn = event.rotationRate ?? {};
  const number = (value, factor) => (Number.isFinite(value) ? value * factor : null);
  return [...["x", "y", "z"].map((axis) => number(acc[axis], sign)), ...ABOUT.map((axis) => number(turn[axis], RADIANS))];
}

/**
 * Listen until `stop()` of the result is called. `gravity`: whether it is to be in the acceleration.
 * `onStart({channels, rate_hz})` comes once, before `onSamples(times in s, rows)`, ten times a second.
 * Throws a Refusal; call it from a tap, since iOS asks only then.
 */
export async function listen({ gravity, onStart, onSamples }) {
  await permitted();
  let [first, before, rows] = [null, -Infinity, null];
  let [times, waiting] = [[], []];
  let [started, empty] = [false, 0];
  let settle;
  const begun = new Promise((resolve, reject) => { settle = { resolve, reject }; });

  const take = (event) => {
    const all = values(event, gravity);
    if (all.slice(0, 3).includes(null)) {
      empty += 1;
      return;
    }
    rows ??= all.includes(null) ? [0, 1, 2] : [0, 1, 2, 3, 4, 5];
    if (event.timeStamp <= before || rows.some((i) => all[i] === null)) return;
    before = event.timeStamp;
    first ??= event.timeStamp;
    times.push((event.timeStamp - first) / 1000);
    waiting.push(rows.map((i) => all[i]));
    if (!started && times.length >= MEASURED) {
      started = true;
      onStart({ channels: rows.map((i) => [...ACC, ...GYRO][i]), rate_hz: rate(times) });
      settle.resolve();
    }
  };
  const send = () => {
    if (!started || !times.length) return;
    onSamples(times, rows.map((_, i) => waiting.map((one) => one[i])));
    [times, waiting] = [[], []];
  };
  window.addEventListener("devicemotion", take);
  const timer = setInterval(send, EVERY_MS);
  const stop = () => {
    window.removeEventListener("devicemotion", take);
    clearInterval(timer);
    send();
  };
  const late = setTimeout(() => settle.reject(new Refusal(times.length || empty === 0 ? SILENT : WITHOUT)), PATIENCE_MS);
  try {
    await begun;
  } catch (error) {
    stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return { stop, startedAt: first, now: () => (performance.now() - first) / 1000 };
}

const WITHOUT = "This device reports no accelerometer. Open this page on a phone, or choose a recording.";
const SILENT = "No motion data came. If this is a phone, allow motion sensors for this page in the browser's site settings "
  + "and reload it; a computer usually has none: open the page on a phone, or choose a recording.";
const DENIED = "Motion sensors were not allowed. Reload the page and allow them; if the browser no longer asks, clear the "
  + "data of this site or allow “Motion & orientation” in its settings.";
const INSECURE = "Browsers give motion data to secure pages only, and this one came unencrypted. Start the server with "
  + "--lan and open the https address that it shows.";
const MISSING = "This browser has no interface to motion sensors. Open the page in Chrome or Safari on a phone.";

async function permitted() {
  if (!window.isSecureContext) throw new Refusal(INSECURE);
  if (typeof DeviceMotionEvent !== "function") throw new Refusal(MISSING);
  if (asks) {
    let answer = "denied";
    try {
      answer = await DeviceMotionEvent.requestPermission();
    } catch { /* asked without a tap, or forbidden for the whole browser */ }
    if (answer !== "granted") throw new Refusal(DENIED);
  }
  let state = "prompt";
  try {
    state = (await navigator.permissions.query({ name: "accelerometer" })).state;
  } catch { /* not every browser knows that name */ }
  if (state === "denied") throw new Refusal(DENIED);
}

/** Samples a second, from the median step. */
function rate(times) {
  const steps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  return Math.round(10 / steps[Math.floor(steps.length / 2)]) / 10;
}
