"use strict";
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("zoom"), out = document.getElementById("range");
  const rows = [...document.querySelectorAll(".day")];
  const first = data.from, last = data.to;
  let from = first, to = last;

  const bytes = async (text) => {
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  // Intervals are gap, length and state in tenths of a second, one after the other.
  const starts = [], stops = [], states = [];
  for (let i = 0, at = data.zero; i < data.intervals.length; i += 3) {
    at += data.intervals[i] / 10;
    starts.push(at);
    at += data.intervals[i + 1] / 10;
    stops.push(at);
    states.push(data.intervals[i + 2]);
  }
  const after = (list, value) => {
    let lo = 0, hi = list.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (list[mid] < value) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  };

  // Each level of detail halves the one before: least and greatest of two neighbours, 255 where there is nothing.
  const halved = (low, high) => {
    const n = Math.ceil(low.length / 2), a = new Uint8Array(n), b = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const j = 2 * i, k = Math.min(j + 1, low.length - 1);
      a[i] = Math.min(low[j], low[k]);
      b[i] = high[j] === 255 ? high[k] : high[k] === 255 ? high[j] : Math.max(high[j], high[k]);
    }
    return [a, b];
  };
  const levels = (low, high) => {
    const all = [[low, high]];
    while (all[all.length - 1][0].length > 2000) all.push(halved(...all[all.length - 1]));
    return all;
  };
  const panels = [];
  if (data.acc) {
    const all = await bytes(data.acc), n = all.length / 6;
    const axes = [0, 1, 2].map((i) => levels(all.subarray(2 * i * n, (2 * i + 1) * n), all.subarray((2 * i + 1) * n, (2 * i + 2) * n)));
    panels.push({ title: "acceleration, m/s²", axes, range: data.acc_range, names: ["x", "y", "z"] });
  }
  if (data.gyro) {
    const all = await bytes(data.gyro);
    panels.push({ title: "rotation, rad/s", axes: [levels(all, all)], range: data.gyro_range, names: [""] });
  }

  const pad = (n) => String(n).padStart(2, "0");
  const clock = (s, seconds) => {
    if (data.epoch === null) {
      const t = Math.round(s);
      return `${Math.floor(t / 3600)}:${pad(Math.floor(t / 60) % 60)}` + (seconds ? `:${pad(t % 60)}` : "");
    }
    const day = data.days.find((d) => s >= d.from && s < d.to) || data.days[data.days.length - 1];
    // On days on which clocks change, the offset at this moment decides.
    const shift = data.shifts.filter((one) => one[0] <= s).pop();
    const t = new Date(Math.round(data.epoch + shift[1] + s) * 1000);
    return { day, text: `${pad(t.getUTCHours())}:${pad(t.getUTCMinutes())}` + (seconds ? `:${pad(t.getUTCSeconds())}` : "") };
  };
  const text = (s, seconds) => {
    const found = clock(s, seconds);
    return typeof found === "string" ? found : found.text;
  };
  const dayOf = (s) => (data.epoch === null ? "" : `${clock(s).day.label} `);

  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let hatch = null;

  const draw = () => {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    c.clearRect(0, 0, width, height);
    const left = 34, w = width - left - 6, x = (s) => left + ((s - from) / (to - from)) * w;
    const band = 30, foot = 20, muted = ink("--muted"), line = ink("--line");
    if (!hatch) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 6;
      const t = tile.getContext("2d");
      t.strokeStyle = data.hatch;
      t.beginPath();
      for (const o of [-6, 0, 6]) { t.moveTo(o, 6); t.lineTo(o + 6, 0); }
      t.stroke();
      hatch = c.createPattern(tile, "repeat");
    }
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    // activities, and their shades behind the signals
    const begin = after(stops, from), end = after(starts, to);
    for (let i = begin; i < end; i++) {
      const a = Math.max(x(starts[i]), left), b = Math.min(x(stops[i]), left + w), state = data.states[states[i]];
      c.fillStyle = state.colour;
      c.fillRect(a, 0, Math.max(b - a, 0.6), band);
      if (state.hatched) { c.fillStyle = hatch; c.fillRect(a, 0, b - a, band); }
      const size = c.measureText(state.name).width;
      if (b - a > size + 10) {
        c.fillStyle = state.text;
        c.fillText(state.name, (a + b - size) / 2, band / 2);
      }
    }
    // time
    const most = Math.max(2, w / 78), step = STEPS.find((s) => (to - from) / s <= most) || 86400;
    const marks = [];
    if (step >= 86400) {
      const every = Math.ceil((to - from) / 86400 / most); // midnights, between which clocks may change
      data.days.forEach((day, i) => { if (i % every === 0 && day.from >= from && day.from <= to) marks.push(day.from); });
    } else {
      data.shifts.forEach(([since, ahead], i) => { // full hours on the wall, before a change of clocks and after it
        const zero = data.epoch === null ? 0 : data.epoch + ahead, until = (data.shifts[i + 1] || [Infinity])[0];
        for (let s = Math.ceil((Math.max(from, since) + zero) / step) * step - zero; s <= to && s < until; s += step) marks.push(s);
      });
    }
    c.textBaseline = "alphabetic";
    for (const s of marks) {
      c.strokeStyle = line;
      c.beginPath();
      c.moveTo(x(s), band);
      c.lineTo(x(s), height - foot);
      c.stroke();
      c.fillStyle = muted;
      const label = step >= 86400 ? dayOf(s).trim() || text(s) : text(s, step < 60), size = c.measureText(label).width;
      c.fillText(label, Math.min(Math.max(x(s) - size / 2, left), left + w - size), height - 6);
    }
    // signals, at the level of detail that a column of the picture has
    const shades = [ink("--x"), ink("--y"), ink("--z")];
    const each = panels.length ? (height - band - foot) / panels.length : 0;
    panels.forEach((panel, p) => {
      const top = band + p * each + 20, high = each - 24, [lo, hi] = panel.range;
      const y = (v) => top + high - (v / 254) * high;
      c.fillStyle = muted;
      c.fillText(panel.title + (panel.names.length > 1 ? "" : ", greatest"), left, top - 7);
      if (panel.names.length > 1) panel.names.forEach((name, i) => {
        c.fillText(name, left + w - 62 + 24 * i, top - 7);
        c.fillStyle = shades[i];
        c.fillRect(left + w - 74 + 24 * i, top - 11, 9, 2);
        c.fillStyle = muted;
      });
      for (const v of [0, 254]) {
        const label = (lo + (v / 254) * (hi - lo)).toFixed(hi - lo > 20 ? 0 : 1);
        c.fillText(label, left - 5 - c.measureText(label).width, y(v) + (v ? 8 : 0));
      }
      panel.axes.forEach((all, i) => {
        const columns = (to - from) / data.step;
        let k = 0;
        while (k + 1 < all.length && columns / 2 ** k > 1.5 * w) k++;
        const [low, upper] = all[k], size = data.step * 2 ** k;
        c.strokeStyle = shades[i];
        c.lineWidth = 1;
        c.beginPath();
        let open = false;
        for (let j = Math.max(0, Math.floor((from - data.sig0) / size) - 1); j < low.length; j++) {
          const s = data.sig0 + (j + 0.5) * size;
          if (s > to + size) break;
          if (low[j] === 255) { open = false; continue; }
          const at = Math.min(Math.max(x(s), left), left + w);
          if (open) c.lineTo(at, y(upper[j]));
          else c.moveTo(at, y(upper[j]));
          if (low[j] !== upper[j]) c.lineTo(at, y(low[j]));
          open = true;
        }
        c.stroke();
      });
    });
    const short = to - from < 600;
    const until = text(to, short).replace(/^00:00(?=$|:00$)/, data.epoch === null ? "$&" : "24:00");
    out.textContent = `${dayOf(from)}${text(from, short)} – ${dayOf(to - 0.01)}${until}`;
    rows.forEach((row, i) => row.setAttribute("aria-pressed", String(data.days[i].from < to - 1 && data.days[i].to > from + 1 && to - from < last - first)));
    document.querySelectorAll("[data-span]").forEach((b) => b.setAttribute("aria-pressed", String(Math.abs(Number(b.dataset.span) - (to - from)) < 1)));
    canvas.dataset.from = from;
    canvas.dataset.to = to;
  };
  const show = (a, span) => {
    span = Math.min(Math.max(span, 10), last - first);
    from = Math.min(Math.max(a, first), last - span);
    to = from + span;
    draw();
  };
  rows.forEach((row, i) => row.addEventListener("click", () => {
    const day = data.days[i], a = Math.max(day.from, first);
    show(a, Math.min(day.to, last) - a);
    document.querySelector(".zoom").scrollIntoView({ block: "nearest" });
  }));
  document.querySelectorAll("[data-span]").forEach((button) => button.addEventListener("click", () => {
    const span = Number(button.dataset.span);
    show((from + to - span) / 2, span);
  }));
  document.querySelectorAll("[data-move]").forEach((button) => button.addEventListener("click", () => show(from + Number(button.dataset.move) * (to - from), to - from)));
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
    const span = (to - from) * Number(button.dataset.zoom);
    show((from + to - span) / 2, span);
  }));
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect(), s = from + ((event.clientX - box.left - 34) / (box.width - 40)) * (to - from);
    const span = (to - from) / 6;
    show(s - span / 2, span);
  });
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.querySelector(".zoom").hidden = false;
  show(first, last - first);
})();
