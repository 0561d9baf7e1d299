// The recording that the server keeps of a session: consent, its sign, labels, and its end.

const $ = (id) => document.getElementById(id);
const NONE = "None of them";

export class Record {
  /** `about`: the server's `record`, null where it keeps nothing; `on`: {label(activity), discard(), stop()}. */
  constructor(about, on) {
    this.about = about;
    this.on = on;
    this.active = false; // true from consent and start to the end of the recording
    this.last = undefined; // the activity that was pressed last; undefined before the first press
    if (!about) return;
    $("record").hidden = false;
    $("kept").textContent = "If you agree, the computer that serves this page keeps, in its folder "
      + `“${about.folder}”: acceleration and rotation with their times, the labels that you press, the name that you give, `
      + "and date, time and time zone; no sound, no picture, no place. Whoever has that folder can read and share it. "
      + `It ends when you stop, close this page, or after ${about.hours} hours. You can throw it away until you stop.`;
    for (const activity of [...about.activities, null]) this.#button(activity);
    $("own").hidden = !about.own_labels;
    $("own").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = $("own-label").value.trim();
      if (!text || !this.active) return;
      if (![...$("labels").children].some((one) => one.dataset.activity === text)) this.#button(text);
      $("own-label").value = "";
      this.#press(text);
    });
    $("keep").addEventListener("click", () => on.stop());
    $("discard").addEventListener("click", () => {
      $("discard").disabled = true;
      on.discard();
    });
  }

  /** Returns what `start` says of the recording; undefined without consent. `possible`: signals go to the server. */
  wish(possible) {
    if (!this.about || !possible || !$("agree").checked) return undefined;
    return { consent: true, who: $("who").value.trim(), zone: Intl.DateTimeFormat().resolvedOptions().timeZone ?? "" };
  }

  /** Tells whether consent can be given: only this device's signals are recorded, and only where they are sent. */
  offer(possible, running) {
    if (!this.about) return;
    $("agree").disabled = running || !possible;
    $("who").disabled = running;
    $("who-row").hidden = !$("agree").checked;
    if (!possible) $("agree").checked = false;
    $("agree").nextElementSibling.textContent = possible ? "I agree: record this session"
      : "Only what this device’s sensors send to the server can be recorded";
  }

  /** Takes the server's message about the recording. */
  take({ state, name, seconds, reason }) {
    this.active = state === "on";
    $("made").hidden = !this.active;
    $("asked").hidden = this.active;
    document.body.toggleAttribute("data-recording", this.active);
    $("outcome").hidden = this.active;
    if (this.active) {
      $("sign").textContent = `Recording · ${clock(seconds)} on the disk`;
      if (!seconds) {
        $("discard").disabled = false;
        // a new connection begins a new recording, in which the present activity goes on
        if (this.last !== undefined) this.on.label(this.last);
      }
      return;
    }
    const words = {
      kept: `Kept: “${name}”, ${clock(seconds)}.`,
      discarded: "Thrown away: nothing of this session is kept. Recognition goes on until you stop.",
      ended: `The recording has ended: ${reason}. ${seconds ? `The first ${clock(seconds)} of it are kept as “${name}”. ` : ""}Recognition goes on.`,
      refused: `Nothing is recorded: ${reason}. Recognition goes on.`,
    };
    $("outcome").textContent = words[state] ?? "";
    this.#choose(undefined);
  }

  /** Takes that the connection was lost, which is tried again. */
  lost() {
    this.#off("The connection was lost: nothing is recorded now. What came before it is kept; when it is back, a new recording begins.");
  }

  /** Takes the end of the session. */
  over() {
    this.#off("The connection has ended; the recording is kept up to then.");
    this.#choose(undefined);
  }

  #off(text) {
    if (!this.active) return;
    this.active = false;
    $("made").hidden = true;
    $("asked").hidden = false;
    $("outcome").hidden = false;
    $("outcome").textContent = text;
    document.body.removeAttribute("data-recording");
  }

  #button(activity) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = activity ?? NONE;
    if (activity !== null) made.dataset.activity = activity;
    made.setAttribute("aria-pressed", "false");
    made.addEventListener("click", () => this.#press(activity));
    $("labels").append(made);
  }

  #press(activity) {
    if (!this.active) return;
    this.on.label(activity);
    this.#choose(activity);
  }

  #choose(activity) {
    this.last = activity;
    for (const one of $("labels").children) {
      one.setAttribute("aria-pressed", String(activity !== undefined && (one.dataset.activity ?? null) === activity));
    }
    $("labelled").textContent = activity ? `Labelled “${activity}” until the next press.`
      : "No activity is chosen. A press labels from now until the next press.";
  }
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
