// The page: keys and buttons, what they ask of the server, and the view of it.

import { Connection } from "./connection.js";
import { LEFT, barOf, clock, drawCurve, drawLane, drawOverview, drawSignals } from "./drawing.js";
import { Film } from "./film.js";

const $ = (id) => document.getElementById(id);
const CONTEXT_S = 8; // seconds before and after a stretch
const about = await (await fetch("about.json")).json();
const view = { recording: 0, from: 0, to: 20, start: null, stop: null, cursor: null };
let state = { activities: [], counts: {}, curve: [], corrections: [], offsets: [], labels: 0, stretches: 0 };
let labels = { own: [], guesses: [], others: {} };
let streams = [];
let whole = null; // {first, last} of the recording
let proposal = null; // the stretch that was proposed, while it is shown
let correction = null; // the contradiction that is shown
let waiting = false; // true until the server has answered: keys are not taken for a stretch not seen yet
let playing = null;
let asked = 0;
let dirty = true;
const film = new Film(about, () => state.offsets);
const connection = new Connection({
  open: () => { tell(null); waiting = false; if (!proposal && view.start === null) next(); },
  lost: (reason) => {
    show("error", "No connection");
    waiting = true;
    tell(`${reason || "The server does not answer"}. All labels confirmed so far are kept: start the same command again and open the address that it shows.`);
  },
  state: (message) => { state = message; render(); refresh(); },
  proposal: (message) => { waiting = false; take(message.proposal); },
  saved: (message) => { saved(message.text); },
  refused: (message) => { waiting = false; tell(message.reason); },
});

setUp();
requestAnimationFrame(draw);

function setUp() {
  document.title = `otolith label: ${about.title}`;
  const others = about.others.length ? ` · also labelled by ${about.others.join(", ")}` : "";
  $("about").textContent = `${about.title} · labels of ${about.labeller}${others} · otolith ${about.version}`;
  about.recordings.forEach((name, i) => $("recording").append(new Option(name, String(i))));
  if (about.damaged) tell(`${about.damaged} lines of the file of labels could not be read; all others stand.`);
  $("recording").addEventListener("change", () => { leave(); go(Number($("recording").value), 0, null); });
  $("adding").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("name").value.trim();
    if (name) send({ type: "activity", name });
    $("name").value = "";
    $("name").blur();
  });
  const buttons = { play, skip, undo, next: () => { leave(); next(); }, clear: () => label(""), in: () => zoom(0.5), out: () => zoom(2), offset: ask };
  for (const [id, act] of Object.entries(buttons)) $(id).addEventListener("click", (event) => { event.currentTarget.blur(); act(); });
  addEventListener("keydown", key);
  addEventListener("resize", () => { dirty = true; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { dirty = true; });
  mouse($("picture"));
  $("overview").addEventListener("click", (event) => {
    if (!whole) return;
    const share = (event.clientX - $("overview").getBoundingClientRect().left) / $("overview").clientWidth;
    leave();
    go(view.recording, whole.first + share * (whole.last - whole.first), null);
  });
}

function key(event) {
  if (event.target instanceof HTMLInputElement) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.target instanceof HTMLSelectElement || event.ctrlKey && event.key !== "z" || event.metaKey || event.altKey) return;
  const arrows = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 1, ArrowDown: -1 };
  const digit = /^Digit([1-9])$|^Numpad([1-9])$/.exec(event.code) ?? /^()([1-9])$/.exec(event.key);
  const acts = {
    " ": play, u: undo, z: undo, Backspace: undo, s: skip, p: () => { leave(); next(); }, 0: () => label(""), "+": () => zoom(0.5), "=": () => zoom(0.5),
    "-": () => zoom(2), o: ask, c: contradiction, k: keep, n: () => $("name").focus(), Enter: enter, Escape: () => { film.asking = false; $("picture").removeAttribute("data-asking"); },
  };
  if (event.target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter")) return;
  if (digit) label(state.activities[Number(digit[1] || digit[2]) - 1 + (event.shiftKey ? 9 : 0)]);
  else if (event.key in arrows) arrow(event, arrows[event.key]);
  else if (event.key in acts) acts[event.key]();
  else return;
  event.preventDefault();
}

function arrow(event, by) {
  const across = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (film.asking) { view.cursor = (view.cursor ?? view.from) + by * (event.shiftKey ? 1 : 0.1); dirty = true; return; }
  if (view.start === null) { if (across) go(view.recording, (view.from + view.to) / 2 + by * 0.5 * (view.to - view.from), null); return; }
  if (!across || event.shiftKey) {
    if (across) view.stop = Math.max(view.start + 0.5, view.stop + by);
    else view.start = Math.min(view.stop - 0.5, view.start - by);
    fit();
    return;
  }
  const length = view.stop - view.start;
  leave();
  go(view.recording, view.start + by * length, view.stop + by * length);
}

/** Labels the stretch shown; "" takes labels away. */
function label(activity) {
  if (activity === undefined || waiting || view.start === null) return;
  send({ type: "label", ...place(), activity }, true);
}

function skip() {
  if (!waiting && view.start !== null) send({ type: "skip", ...place() }, true);
}

function keep() {
  if (!waiting && correction) send({ type: "keep", ...place() }, true);
}

function undo() {
  if (!waiting) send({ type: "undo" });
}

function next() {
  waiting = connection.send({ type: "next" });
}

function enter() {
  if (film.asking) setOffset(view.cursor ?? view.from);
  else if (correction) keep();
}

function ask() {
  if (!film.shown) return;
  film.asking = true;
  film.video.pause();
  $("picture").setAttribute("data-asking", "");
  tell("Now click on the signals at the moment that the video shows, or move there by ← → and press Enter.", false);
}

function setOffset(time) {
  film.asking = false;
  $("picture").removeAttribute("data-asking");
  tell(null);
  send({ type: "offset", video: film.number, recording: view.recording, seconds: time - film.video.currentTime });
}

function contradiction() {
  const at = state.corrections.findIndex((each) => correction && each.recording === correction.recording && each.start === correction.start);
  const one = state.corrections[(at + 1) % Math.max(1, state.corrections.length)];
  if (!one) return;
  leave();
  correction = one;
  go(one.recording, one.start, one.stop);
}

/** Sends what was asked; `moves`: the next stretch is shown once it is saved. */
function send(message, moves = false) {
  tell(null);
  if (!connection.send(message)) return;
  waiting = moves;
  asked = moves ? 1 : 0;
}

function saved(text) {
  show("live", text);
  if (!asked) { waiting = false; return; }
  asked = 0;
  if (proposal) { proposal = null; next(); }
  else if (correction) { correction = null; waiting = false; next(); }
  else waiting = false;
}

/** Shows a proposal. */
function take(found) {
  leave();
  proposal = found;
  if (!found) { tell("All stretches are labelled or skipped. Look at the contradictions, or export the labels.", false); if (!whole) load(); return; }
  go(found.recording, found.start, found.stop);
}

function leave() {
  proposal = correction = null;
  stop();
}

/** Shows a stretch of a recording; without an end, the signals around a time. */
function go(recording, start, end) {
  const span = view.to - view.from;
  Object.assign(view, { recording, start: end === null ? null : start, stop: end, cursor: end === null ? start : null });
  if (end === null) [view.from, view.to] = [start - span / 2, start + span / 2];
  else [view.from, view.to] = [start - CONTEXT_S, end + CONTEXT_S];
  film.choose(recording);
  film.seek(end === null ? start : start, recording);
  load();
  refresh();
  render();
}

function fit() {
  if (view.start < view.from || view.stop > view.to) {
    view.from = Math.min(view.from, view.start - 2);
    view.to = Math.max(view.to, view.stop + 2);
    load();
  }
  proposal = null;
  render();
}

function zoom(by) {
  const middle = view.start === null ? (view.from + view.to) / 2 : (view.start + view.stop) / 2;
  const span = Math.min(86400, Math.max(2, (view.to - view.from) * by));
  [view.from, view.to] = [middle - span / 2, middle + span / 2];
  load();
}

let loading = 0;
async function load() {
  const mine = (loading += 1);
  const query = new URLSearchParams({ recording: view.recording, start: view.from, stop: view.to, points: Math.max(100, Math.round($("acc").clientWidth)) });
  const answer = await fetch(`signals?${query}`).catch(() => null);
  if (!answer || mine !== loading) return;
  if (!answer.ok) { tell(await answer.text()); return; }
  const found = await answer.json();
  if (mine !== loading) return;
  streams = found.streams;
  whole = { first: found.first, last: found.last };
  for (const kind of ["acc", "gyro"]) $(`${kind}-plot`).hidden = !streams.some((each) => each.channels.some((name) => name.startsWith(kind)));
  dirty = true;
}

let refreshing = 0;
async function refresh() {
  const mine = (refreshing += 1);
  const answer = await fetch(`labels/${view.recording}`).catch(() => null);
  if (!answer?.ok || mine !== refreshing) return;
  labels = await answer.json();
  dirty = true;
}

function play() {
  if (playing) { stop(); return; }
  const start = view.start ?? view.cursor ?? view.from;
  playing = { start, began: performance.now(), stop: view.stop ?? view.to };
  film.play(start, view.recording);
  $("play").firstChild.textContent = "Stop ";
}

function stop() {
  if (playing) film.video.pause();
  playing = null;
  $("play").firstChild.textContent = "Play ";
}

function mouse(picture) {
  let from = null;
  const time = (event) => {
    const box = $("acc-plot").hidden ? $("gyro").getBoundingClientRect() : $("acc").getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT);
    return view.from + Math.min(1, Math.max(0, share)) * (view.to - view.from);
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, t: time(event), moved: false };
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => {
    if (!from || film.asking) return;
    from.moved ||= Math.abs(event.clientX - from.x) > 5;
    if (!from.moved) return;
    stop();
    const [a, b] = [from.t, time(event)].sort((p, q) => p - q);
    Object.assign(view, { start: a, stop: Math.max(b, a + 0.1), cursor: null });
    proposal = correction = null;
    render();
  });
  picture.addEventListener("pointerup", (event) => {
    if (from && film.asking) setOffset(time(event));
    else if (from && !from.moved) { view.cursor = time(event); film.seek(view.cursor, view.recording); dirty = true; }
    from = null;
  });
  picture.addEventListener("pointercancel", () => { from = null; });
}

function render() {
  dirty = true;
  $("question").textContent = correction
    ? `You said ${correction.label}; ${correction.by || "the model"} says ${correction.said}`
    : proposal ? "What is this?" : view.start === null ? "Mark a stretch" : "What is the marked stretch?";
  const length = view.start === null ? "" : `, ${(view.stop - view.start).toFixed(1)} s`;
  $("place").textContent = `${about.recordings[view.recording]} · ${clock(view.start ?? view.cursor ?? view.from)}${length}`;
  $("recording").value = String(view.recording);
  const guesses = new Map(proposal?.guesses ?? []);
  if ($("keys").contains(document.activeElement)) document.activeElement.blur();
  $("keys").replaceChildren(...state.activities.map((name, i) => {
    const button = element("button");
    button.type = "button";
    if (i < 9) button.append(element("kbd", String(i + 1)));
    button.append(element("span", name));
    if (guesses.has(name)) button.append(element("small", `${Math.round(100 * guesses.get(name))}\u00a0%`));
    button.toggleAttribute("data-guess", proposal?.guesses[0]?.[0] === name);
    button.style.setProperty("--bar", `var(--${barOf(state.activities, name)})`);
    button.addEventListener("click", () => label(name));
    const item = element("li");
    item.append(button);
    return item;
  }));
  if (!state.activities.length) $("keys").append(element("li", "Name the first activity below (key n)."));
  const last = state.curve.at(-1);
  $("agreement").textContent = last ? `${Math.round(100 * last[1])}\u00a0%` : "–";
  if (last) $("agreement-text").textContent = `of ${last[0]} labelled stretches are guessed rightly when they are left out. Proposals are hard ones, so that new recordings often go better.`;
  $("counts").replaceChildren(...state.activities.filter((name) => state.counts[name]).map((name) => {
    const item = element("li");
    const dot = element("i");
    dot.style.setProperty("--bar", `var(--${barOf(state.activities, name)})`);
    item.append(dot, element("span", name), element("b", String(state.counts[name])));
    return item;
  }));
  $("n-corrections").textContent = state.corrections.length || "";
  $("no-corrections").textContent = state.corrections.length
    ? "Press c to see one; a key corrects it, k keeps it." : "None so far. Labels that the others contradict are listed here.";
  $("corrections").replaceChildren(...state.corrections.map((one) => {
    const button = element("button");
    button.type = "button";
    button.append(element("b", one.label), ` → ${one.by ? `${one.by}: ` : ""}${one.said} ${Math.round(100 * one.certainty)}\u00a0% · ${about.recordings[one.recording]} ${clock(one.start)}`);
    button.addEventListener("click", () => { leave(); correction = one; go(one.recording, one.start, one.stop); });
    const item = element("li");
    item.append(button);
    return item;
  }));
  if ($("state").dataset.state !== "live") show("live", "Connected");
}

function draw(now) {
  if (playing) {
    view.cursor = playing.start + (now - playing.began) / 1000;
    dirty = true;
    if (view.cursor >= playing.stop) stop();
  }
  if (dirty) {
    dirty = false;
    drawSignals($("acc"), "acc", streams, view);
    drawSignals($("gyro"), "gyro", streams, view);
    drawLane($("lane"), labels, state.activities, view);
    drawOverview($("overview"), labels, state.activities, whole, view);
    drawCurve($("curve"), state.curve);
  }
  requestAnimationFrame(draw);
}

function place() {
  return { recording: view.recording, start: view.start, stop: view.stop };
}

function show(kind, text) {
  $("state").dataset.state = kind;
  $("state").textContent = text;
}

function tell(message, wrong = true) {
  $("message").hidden = !message;
  $("message").textContent = message ?? "";
  if (message && wrong) $("state").dataset.state = "error";
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
