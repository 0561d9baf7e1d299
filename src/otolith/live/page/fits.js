// Checks of signals against the model, as otolith.prediction.matching makes them on a server.

import { Refusal } from "./refusal.js";

const ACC = ["acc_x", "acc_y", "acc_z"];

/** Throws a Refusal if channels are missing or the rate is too low. */
export function refuseStream(about, { channels, rate_hz: rate }) {
  const missing = about.channels.filter((name) => !channels.includes(name));
  if (missing.length) {
    throw new Refusal(`There is no ${missing.join(", ")}, and the model expects ${about.channels.join(", ")}. Take a device `
      + "that has the missing sensor, or train a model on the channels that there are.");
  }
  if (!(rate >= about.in_page.fits.least_rate_hz)) {
    throw new Refusal(`${rate} samples come in a second, and the model expects ${about.rate_hz}. Fast movements are lost at `
      + `such a rate. Take a faster device, or train a model with --set windows.rate_hz=${rate}.`);
  }
}

/** Checks the first seconds of the model's channels. */
export class Beginning {
  constructor(about, rate) {
    this.fits = about.in_page.fits;
    this.acc = ACC.map((name) => about.channels.indexOf(name));
    this.gyro = about.channels.flatMap((name, i) => (name.startsWith("gyro") ? [i] : []));
    this.most = this.fits.checked_s * rate;
    this.each = Math.max(1, Math.round(this.fits.block_s * rate));
    this.seen = 0;
    this.block = ACC.map(() => []);
    this.lengths = []; // of the mean acceleration in each block
  }

  /** Takes rows [channel][n]; throws a Refusal if they contradict the model. */
  push(rows) {
    if (this.seen >= this.most) return;
    this.seen += rows[0].length;
    const turn = Math.max(0, ...this.gyro.flatMap((i) => rows[i].map(Math.abs)));
    if (turn > this.fits.most_rad_s) {
      throw new Refusal(`The rotation rate reaches ${Math.round(turn)}, more than any sensor measures in rad/s: the numbers `
        + "look like degrees. Take another browser or device.");
    }
    if (this.acc.includes(-1)) return;
    this.acc.forEach((row, i) => this.block[i].push(...rows[row]));
    while (this.block[0].length >= this.each) {
      const means = this.block.map((row) => row.splice(0, this.each).reduce((a, b) => a + b, 0) / this.each);
      this.lengths.push(Math.hypot(...means));
    }
    if (this.seen >= this.most) this.#refuseGravity();
  }

  /** Ends the stream. */
  finish() {
    if (this.seen < this.most) this.#refuseGravity();
  }

  #refuseGravity() {
    const sorted = [...this.lengths].sort((a, b) => a - b);
    if (!sorted.length) return;
    const middle = (sorted.length - 1) / 2;
    const typical = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
    const { least_m_s2: least, most_m_s2: most } = this.fits;
    const said = `The mean acceleration is ${typical.toFixed(2)} m/s²`;
    if (least !== null && typical < least) {
      throw new Refusal(`${said}, and the model was trained with gravity in it (9.81 m/s²): this device seems to remove it. Take another `
        + "device, or a model that was trained without gravity.");
    }
    if (most !== null && typical > most) {
      throw new Refusal(`${said}, so gravity is in it, and the model was trained without. Take a model that was trained with it.`);
    }
  }
}
