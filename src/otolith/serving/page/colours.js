// Colours of activities and axes, from the style sheet, so that they follow the reader's light or dark scheme.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let style = getComputedStyle(document.documentElement);
let cache = new Map();
dark.addEventListener("change", () => {
  style = getComputedStyle(document.documentElement);
  cache = new Map();
});

const COUNT = 12;
const KINDS = {
  walk: 0, upstair: 1, ascend: 1, downstair: 2, descend: 2, sit: 3, still: 3, station: 3, stand: 4, lie: 5, lying: 5,
  lay: 5, sleep: 5, cycl: 7, bik: 7, run: 8, jog: 8,
};
const known = new Map(); // places of lists of activities

/** Returns the places of activities among the colours, by what they are called: as of_activities of the reports. */
export function placesOf(activities) {
  const key = activities.join("\n");
  if (!known.has(key)) known.set(key, placed(activities));
  return known.get(key);
}

function placed(activities) {
  const words = activities.map((name) => name.replace(/([a-z])(?=[A-Z])/g, "$1 ").toLowerCase().match(/[a-z]+/g) ?? []);
  const found = new Map();
  const taken = new Set();
  const give = (i, place) => { found.set(i, place); taken.add(place); };
  const order = words.map((_, i) => i).sort((a, b) => words[a].length - words[b].length || a - b);
  for (const i of order) {
    const kind = kindOf(words[i]);
    if (kind !== null && !taken.has(kind)) give(i, kind);
  }
  words.forEach((_, i) => {
    if (found.has(i)) return;
    const free = Array.from({ length: COUNT }, (_, place) => place).find((place) => !taken.has(place));
    give(i, free ?? i % COUNT);
  });
  return words.map((_, i) => found.get(i));
}

function kindOf(words) {
  const kinds = new Set();
  for (const word of words) for (const [start, place] of Object.entries(KINDS)) if (word.startsWith(start)) kinds.add(place);
  if (words.some((word) => word.startsWith("stair") || word.startsWith("walk"))) {
    if (words.includes("up")) kinds.add(1);
    if (words.includes("down")) kinds.add(2);
  }
  if (kinds.has(1) || kinds.has(2)) kinds.delete(0); // walking upstairs
  return kinds.size === 1 ? [...kinds][0] : null;
}

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
  return states[index] === "unknown" ? "unknown" : `c${placesOf(states.filter((name) => name !== "unknown"))[index]}`;
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
