// The causal form of otolith.prediction.smoothing: probabilities of the states given all windows so far.

export class Filter {
  /** `model`: {n_activities, false_unknowns, share, dwell_s, found, least}; without false_unknowns nothing is "unknown". */
  constructor(model) {
    this.model = model;
    this.states = model.n_activities + (model.false_unknowns === null ? 0 : 1);
    this.belief = null;
    this.at = 0;
  }

  /** Takes one window that begins at `start` seconds: probabilities of the activities, and true if its flag is raised. */
  step(probabilities, flagged, start) {
    const seen = this.#likelihood(probabilities, flagged);
    const kept = this.#kept(start - this.at);
    const before = this.belief;
    const belief = before ? seen.map((value, i) => (kept * before[i] + (1 - kept) / this.states) * value) : seen;
    const sum = belief.reduce((a, b) => a + b, 0);
    this.belief = belief.map((value) => value / sum);
    this.at = start;
    return this.belief;
  }

  #likelihood(probabilities, flagged) {
    const { n_activities: n, false_unknowns: raised, share, found, least } = this.model;
    let seen = Array.from(probabilities, (p) => Math.max(p, least));
    if (raised !== null) {
      const known = flagged ? raised : 1 - raised;
      seen = [...seen.map((p) => p * known), (flagged ? found : 1 - found) / n];
    }
    return seen.map((value) => value ** share);
  }

  /** Returns the probability that the state is not drawn anew within `seconds`. */
  #kept(seconds) {
    const n = this.states;
    return n > 1 ? Math.exp((-Math.max(seconds, 0) / this.model.dwell_s) * (n / (n - 1))) : 1;
  }
}
