// The network in this page: onnxruntime-web on one thread of WebAssembly, and the model's ONNX file; both from our server.

import { Refusal } from "./refusal.js";

let opening = null;

/** Loads it once; returns a function from (windows, [windows, channels, steps]) to {probabilities, scores}. */
export function load(about) {
  opening ??= open(about).catch((error) => {
    opening = null; // so that another try may succeed
    throw new Error(`The recogniser could not be loaded into this page (${error.message ?? error}). Choose “On the server”, or `
      + "take another browser.");
  });
  return opening;
}

async function open(about) {
  const place = new URL("recogniser/", document.baseURI);
  const file = (ending) => new URL(about.in_page.files.find((name) => name.endsWith(ending)), place).href;
  const ort = await import(file(".mjs"));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: file(".wasm") };
  const session = await ort.InferenceSession.create(file(".onnx"), { executionProviders: ["wasm"] });
  const run = async (windows, shape) => {
    const out = await session.run({ windows: new ort.Tensor("float32", windows, shape) });
    return { probabilities: out.probabilities.data, scores: out.unknown_score?.data ?? null };
  };
  const one = [1, about.channels.length, about.in_page.steps];
  await run(new Float32Array(one[1] * one[2]), one); // the first run compiles
  return run;
}

/** Fetches the matrix that resamples windows of `length` samples. */
export async function resampling(length) {
  const answer = await fetch(new URL(`recogniser/resampling/${length}`, document.baseURI));
  if (!answer.ok) throw new Refusal(`A window would have ${length} samples, too many for this page. Choose “On the server”.`);
  return new Float64Array(await answer.arrayBuffer());
}
