// Recognises activities in samples as they come, as otolith does: clock, resampling, windows, network, unknown, smoothing.

import { about } from "./about.js";
import { filters } from "./filters.js";
import { Recogniser } from "./recogniser.js";
import { Refusal } from "./refusal.js";

export { about, Recogniser, Refusal };
export { Clock } from "./clock.js";
export { Filter } from "./smoothing.js";
export { Windows, windowLength } from "./windows.js";

/** Returns the bytes of the model's ONNX file. */
export async function model() {
  return bytes((await import("./model.js")).default);
}

/** Returns the network for `open`, run by onnxruntime-web, -node or -react-native, whose module is `ort`. */
export async function withRuntime(ort, options = {}) {
  const session = await ort.InferenceSession.create(await model(), options);
  return async (windows, shape) => {
    const out = await session.run({ windows: new ort.Tensor("float32", windows, shape) });
    return { probabilities: out.probabilities.data, scores: out.unknown_score?.data ?? null };
  };
}

/**
 * Opens a recogniser for samples that come at `rate_hz` in the order of `channels`, in m/s² and rad/s. `run` is the
 * network: that of `withRuntime`, or yours. Throws a Refusal, in sentences for a reader, if the model cannot be used.
 */
export function open({ run, rate_hz, channels = about.channels }) {
  return Recogniser.open(about, { rate_hz, channels }, () => run, filter);
}

async function filter(length) {
  if (!filters[length]) {
    throw new Refusal(`This package has no filter for windows of ${length} samples; it has them for ${about.rates_hz.join(", ")} Hz. `
      + "Resample to one of these, or make the package with your rate.");
  }
  const found = bytes((await filters[length]()).default);
  return new Float64Array(found.buffer);
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
