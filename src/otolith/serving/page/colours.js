// Colours of activities and axes, from the style sheet, so that they follow the reader's light or dark scheme.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let style = getComputedStyle(document.documentElement);
let cache = new Map();
dark.addEventListener("change", () => {
  style = getComputedStyle(document.documentElement);
  cache = new Map();
});

const COUNT = 12;

/** Returns the value of a custom property, "ink" for --ink. */
export function colour(name) {
  if (!cache.has(name)) cache.set(name, style.getPropertyValue(`--${name}`).trim());
  return cache.get(name);
}

/** Returns the name of a state's colour. */
export function ofState(states, index) {
  return states[index] === "unknown" ? "unknown" : `c${index % COUNT}`;
}

/** Fits a canvas to its box and the screen's density: {context, width, height} in CSS pixels. */
export function fitted(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  return { context, width, height };
}
