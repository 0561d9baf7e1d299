/** What is known of the model. */
export interface About {
  title: string;
  terms: string[];
  activities: string[];
  /** The activities and, of a calibrated model, "unknown". */
  states: string[];
  /** Channels in the order of `open`'s default, such as acc_x. Accelerations in m/s², rotation rates in rad/s. */
  channels: string[];
  /** The rate of the model's windows in Hz; samples at one of `rates_hz` are resampled to it. */
  rate_hz: number;
  rates_hz: number[];
  window_s: number;
  hop_s: number;
  /** Whether gravity has to be in the acceleration; null where it is unclear. */
  gravity: boolean | null;
}

export interface Prediction {
  start_s: number;
  stop_s: number;
  /** The most probable of `About.states`, smoothed over all windows so far. */
  activity: string;
  probability: number;
  /** Whether this window by itself is unlike all that the model knows. */
  unknown: boolean;
  /** Probabilities of `About.activities` in this window by itself. */
  p: number[];
  /** Smoothed probabilities of `About.states`. */
  belief: number[];
  score: number | null;
}

/** Takes windows (windows x channels x steps), one after the other. */
export type Network = (
  windows: Float32Array,
  shape: [number, number, number],
) => Promise<{ probabilities: ArrayLike<number>; scores: ArrayLike<number> | null }>;

/** The reason why signals cannot be used, in sentences for a reader. */
export class Refusal extends Error {}

export class Recogniser {
  /** Takes times [n] in seconds and rows [channel][n]; gives the predictions whose windows they complete. */
  push(times: number[], rows: number[][]): Promise<Prediction[]>;
  /** Ends the stream; gives the predictions that waited for a last sample. */
  finish(): Promise<Prediction[]>;
}

export const about: About;
export function model(): Promise<Uint8Array>;
export function withRuntime(ort: unknown, options?: object): Promise<Network>;
export function open(stream: { run: Network; rate_hz: number; channels?: string[] }): Promise<Recogniser>;
export function windowLength(rate_hz: number, seconds: number): number;
