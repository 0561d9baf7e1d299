// The video beside the signals, and where it stands on the recording's clock.

const $ = (id) => document.getElementById(id);

export class Film {
  /** `offsets`: returns [[video, recording, seconds], ...], the recording's time of each video's second 0. */
  constructor(about, offsets) {
    this.videos = about.videos;
    this.recordings = about.recordings;
    this.offsets = offsets;
    this.video = $("video");
    this.number = null;
    this.asking = false;
  }

  get shown() {
    return this.number !== null;
  }

  /** Shows the video of a recording, if there is one. */
  choose(recording) {
    const named = this.videos.findIndex((each) => each.recording === this.recordings[recording]);
    const any = this.videos.findIndex((each) => each.recording === null);
    const found = named >= 0 ? named : any;
    $("film").hidden = found < 0;
    if (found < 0) { this.number = null; return; }
    if (found !== this.number) {
      this.number = found;
      this.video.src = `video/${found}`;
      $("film-name").textContent = this.videos[found].name;
    }
  }

  #offset(recording) {
    return this.offsets().find(([video, of]) => video === this.number && of === recording)?.[2] ?? 0;
  }

  seek(time, recording) {
    if (!this.shown || this.asking) return;
    this.video.currentTime = Math.max(0, time - this.#offset(recording));
  }

  play(time, recording) {
    if (!this.shown) return;
    this.seek(time, recording);
    this.video.play().catch(() => {}); // a file that the browser cannot play says so by itself
  }
}
