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

/** Returns the colour of a text on an area: white or nearly black, whichever contrasts more (WCAG 2.2). */
export function upon(name) {
  const parts = [1, 3, 5].map((i) => Number.parseInt(colour(name).slice(i, i + 2), 16) / 255);
  const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const ground = 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  return 1.05 / ground > ground / 0.06 ? "#ffffff" : "#10161d";
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
