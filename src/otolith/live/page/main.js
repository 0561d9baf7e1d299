// The page: its choices, the stream that runs, and the view of it.

import { senseless } from "./address.js";
import { ofState } from "./colours.js";
import { Connection } from "./connection.js";
import { Local } from "./local.js";
import { Refusal, asks, listen } from "./motion.js";
import { load } from "./network.js";
import { Record } from "./record.js";
import { Signals } from "./signals.js";
import { Timeline } from "./timeline.js";

const MOST_HELD = 40; // pieces of samples, ten a second; a server takes fifty at once
const $ = (id) => document.getElementById(id);
const about = await (await fetch("about.json")).json();
const acc = new Signals($("acc"), 4, [-2, 12]);
const gyro = new Signals($("gyro"), 2, [-1, 1]);
const timeline = new Timeline($("timeline"), about.states);
const bars = about.states.map(bar);
const CLOCK_DELAY = 0.15; // seconds that the picture stays behind the signals, so that it scrolls evenly

const WITHOUT = "This device measures acceleration alone. The model was trained with more sensors, and is less sure without them.";
const SENT = "Network is the time to the server and back.";
const PLACES = {
  "sensors server": ["The sensors' signals go to the server, which recognises activities and stores nothing unless you agree to a recording.", SENT],
  "sensors page": ["The sensors' signals stay in this browser: nothing is sent.", "Nothing is sent, so there is no network delay."],
  "recording server": ["The server plays the recording and recognises activities in it.", SENT],
  "recording page": ["The server plays the recording; this browser recognises.", SENT],
};
const record = new Record(about.record, {
  label: (activity) => running?.connection?.send({ type: "label", at: running.motion ? running.motion.now() : newest ?? 0, activity }),
  discard: () => running?.connection?.send({ type: "discard" }),
  stop: () => stop(),
});
let loaded = false; // true once this page has the recogniser

let running = null; // {connection, motion, speed}
let edge = 0; // time at the right of the pictures, on the signals' clock
let newest = null; // time of the last sample
let held = null; // {activity, since} of the present state
let drawn = performance.now();
let pace = 1; // of the replay, also after its end, until its last sample is drawn

setUp();
requestAnimationFrame(draw);

function setUp() {
  document.title = `otolith live: ${about.title}`;
  $("model").textContent = `${about.title} · ${about.activities.length} activities · otolith ${about.version}`;
  $("about").hidden = !about.terms.length;
  for (const text of about.terms) $("terms").append(element("p", text));
  for (const channel of ["acc", "gyro"]) {
    $(`${channel}-plot`).hidden = !about.channels.some((name) => name.startsWith(channel));
  }
  for (const { name, seconds } of about.recordings) {
    const option = element("option", `${name} (${duration(seconds)})`);
    option.value = name;
    $("recording").append(option);
  }
  $("offer").hidden = !about.recordings.length;
  document.querySelector("input[value=page]").disabled = Boolean(about.in_page.why_not);
  for (const input of [...choices(), $("agree")]) input.addEventListener("change", choose);
  $("code").hidden = !about.code || matchMedia("(pointer: coarse)").matches;
  if (about.code) $("code").querySelector("img").src = "code.svg";
  $("go").addEventListener("click", () => (running ? stop() : start()));
  const asked = new URLSearchParams(location.hash.slice(1));
  const chosen = about.recordings.find(({ name }) => name === asked.get("play"));
  if (chosen) {
    $("recording").value = chosen.name;
    if ([...$("speed").options].some((o) => o.value === asked.get("speed"))) $("speed").value = asked.get("speed");
  }
  if (chosen || (about.recordings.length && !matchMedia("(pointer: coarse)").matches)) {
    document.querySelector("input[value=recording]").checked = true;
  }
  if (asked.get("compute") === "page" && !about.in_page.why_not) document.querySelector("input[value=page]").checked = true;
  choose();
  if (chosen) start();
  const odd = senseless(asked, chosen, about, [...$("speed").options].map((option) => option.value));
  if (odd.length) tell(`The address of this page makes no sense: ${odd.join("; ")}.`, false);
}

function choices() {
  return document.querySelectorAll("input[type=radio]");
}

/** Returns the choice: "sensors" or "recording" for `source`, "server" or "page" for `compute`. */
function chosenOf(name) {
  return document.querySelector(`input[name=${name}]:checked`).value;
}

function source() {
  return chosenOf("source");
}

function choose() {
  $("choice").hidden = source() !== "recording";
  explainPlace();
  // now, so that it is there when it is needed
  if (chosenOf("compute") === "page" && !loaded) {
    load(about).then(() => { loaded = true; explainPlace(); }, (error) => tell(error.message));
  }
  record.offer(recordable(), false);
  const start = record.wish(recordable()) ? "record" : "start";
  $("go").textContent = source() === "sensors" && asks ? `Allow motion and ${start}` : start.replace(/^./, (c) => c.toUpperCase());
}

/** True where the signals of this device go to the server. */
function recordable() {
  return source() === "sensors" && chosenOf("compute") === "server";
}

/** Explains beside the switch and under the delays where activities are computed. */
function explainPlace() {
  const [text, delay] = PLACES[`${source()} ${chosenOf("compute")}`];
  const { why_not: off, n_bytes: size } = about.in_page;
  const loading = chosenOf("compute") === "page" && !loaded;
  const more = off ? ` “In this page” is off: ${off}.` : loading ? ` Loading ${(size / 1e6).toFixed(1)} MB …` : "";
  const parts = (text + more).split("`").map((part, i) => (i % 2 ? element("code", part) : part));
  $("where").replaceChildren(...parts); // commands stand between backticks
  $("window").textContent = `A change also has to fill a window of ${about.window_s} s. ${delay}`;
}

async function start() {
  tell(null);
  [acc, gyro, timeline].forEach((part) => part.clear());
  newest = held = null;
  const replay = source() === "recording";
  const speed = replay ? Number($("speed").value) : 1;
  const mine = { speed, connection: null, motion: null };
  running = mine;
  pace = speed;
  busy(true, replay ? "Playing" : "Listening");
  $("explain").textContent = `The first window takes ${about.window_s} s.`;
  const lost = (text) => { tell(text, false); if (text) record.lost(); };
  const on = { prediction, pong, lost, end: pong, recording: (m) => record.take(m), signals: (m) => signals(m.t, m.x), ready: (m) => { mine.channels = m.channels; } };
  const Place = chosenOf("compute") === "page" ? Local : Connection;
  const connect = (first) => new Place(first, { ...on, closed: (reason) => ended(mine, reason) }, about);
  if (replay) {
    mine.connection = connect({ type: "replay", recording: $("recording").value, speed });
    return;
  }
  try {
    const motion = await listen({
      gravity: about.gravity !== false,
      onStart: (said) => {
        mine.channels = said.channels;
        if (about.channels.some((name) => !said.channels.includes(name))) tell(WITHOUT, false);
        const wish = record.wish(recordable());
        if (running === mine) mine.connection = connect({ type: "start", ...said, ...(wish && { record: wish }) });
      },
      onSamples: (t, x) => {
        signals(t, x);
        hand(mine, t, x);
      },
    });
    mine.motion = motion;
    if (running !== mine) motion.stop();
    else mine.lock = await navigator.wakeLock?.request("screen").catch(() => null);
  } catch (error) {
    ended(mine, error instanceof Refusal ? error.message : String(error));
  }
}

/** Hands samples to the recogniser; those that came before it was ready wait, the last few seconds of them. */
function hand(mine, t, x) {
  const { connection } = mine;
  if (!connection) return;
  mine.held = [...(mine.held ?? []), [t, x]].slice(-MOST_HELD);
  if (!connection.ready) return;
  for (const [times, rows] of mine.held) connection.samples(times, rows);
  mine.held = [];
}

function stop() {
  running?.motion?.stop();
  if (running?.connection) running.connection.stop();
  else ended(running, null);
}

function ended(mine, reason) {
  mine?.motion?.stop();
  mine?.lock?.release();
  if (running !== mine) return;
  running = null;
  record.over();
  busy(false, reason ? "Stopped" : "Ended");
  if (reason) tell(reason);
}

function busy(on, text) {
  $("state").dataset.state = on ? "live" : "idle";
  $("state").textContent = text;
  $("go").toggleAttribute("data-running", on);
  for (const control of [...choices(), $("recording"), $("speed")]) control.disabled = on;
  if (about.in_page.why_not) document.querySelector("input[value=page]").disabled = true;
  record.offer(recordable(), on);
  if (on) $("go").textContent = "Stop";
  else choose();
}

function tell(message, wrong = true) {
  $("message").hidden = !message;
  $("message").textContent = message ?? "";
  if (message && wrong) $("state").dataset.state = "error";
}

function signals(t, x) {
  const rows = Object.fromEntries((running?.channels ?? about.channels).map((name, i) => [name, x[i]]));
  for (const [kind, plot] of [["acc", acc], ["gyro", gyro]]) {
    const three = ["x", "y", "z"].map((axis) => rows[`${kind}_${axis}`]);
    if (three.every(Boolean)) plot.push(t, three);
  }
  if (newest === null) edge = t.at(-1) - CLOCK_DELAY;
  newest = t.at(-1);
}

function prediction(found) {
  const state = about.states.indexOf(found.activity);
  const unknown = found.activity === "unknown";
  if ($("activity").textContent !== found.activity) $("activity").textContent = found.activity;
  $("activity").style.setProperty("--bar", `var(--${ofState(about.states, state)})`);
  $("probability").textContent = found.probability === null ? "" : percent(found.probability);
  if (held?.activity !== found.activity) held = { activity: found.activity, since: found.start_s };
  const lasting = `For ${duration(found.stop_s - held.since)}`;
  $("explain").textContent = unknown
    ? `${lasting}: this looks like nothing that the model was trained on.`
    : found.unknown ? `${lasting}, though the last window looks unfamiliar.` : `${lasting}.`;
  const shares = found.belief ?? found.p;
  bars.forEach((one, i) => one(shares[i] ?? 0, i === state));
  timeline.push(state, found.stop_s - about.hop_s, found.stop_s);
  show("network", running?.connection?.network ?? null);
  show("waiting", found.waited_ms + found.queued_ms);
  show("computing", found.compute_ms);
}

function pong(message) {
  const samples = message.dropped_samples + (running?.connection?.unsent ?? 0);
  const parts = [];
  if (samples) parts.push(`${samples} samples came faster than they could be computed, and were left out`);
  if (message.dropped_messages) parts.push(`${message.dropped_messages} messages could not be shown in time`);
  $("lost").hidden = !parts.length;
  $("lost").textContent = parts.length ? `${parts.join("; ")}.` : "";
  show("network", running?.connection?.network ?? null);
}

function draw(now) {
  const dt = Math.min(0.25, (now - drawn) / 1000);
  drawn = now;
  if (running && newest !== null) {
    edge += dt * running.speed;
    edge += (newest - CLOCK_DELAY * running.speed - edge) * Math.min(1, 2 * dt);
    edge = Math.min(edge, newest);
  } else if (newest !== null) edge = Math.min(edge + dt * pace, newest);
  const until = edge.toFixed(2);
  if ($("acc").dataset.until !== until) $("acc").dataset.until = until;
  for (const part of [acc, gyro, timeline]) part.draw(edge);
  requestAnimationFrame(draw);
}

/** Adds a row to the list of states; returns the function that sets its share. */
function bar(name, index) {
  const row = element("li");
  const meter = element("progress");
  meter.max = 1;
  meter.value = 0;
  meter.setAttribute("aria-label", name);
  meter.style.setProperty("--bar", `var(--${ofState(about.states, index)})`);
  const share = element("span", "", "share");
  row.append(element("span", name, "name"), meter, share);
  $("bars").append(row);
  return (value, top) => {
    meter.value = value < 0.005 ? 0 : value;
    share.textContent = percent(value);
    row.toggleAttribute("data-top", top);
  };
}

function percent(value) {
  return `${Math.round(100 * value)}\u00a0%`;
}

/** 65.2 -> "1:05 min" */
function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

function show(id, ms) {
  const text = ms === null ? "–" : ms < 9.95 ? ms.toFixed(1) : String(Math.round(ms));
  $(id).replaceChildren(text, ...(ms === null ? [] : [element("small", "ms")]));
}

function element(tag, text = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}
