// The part of the page's address after #.

/** Returns what is wrong with the part of the address after #: names that are not here, values that are none. */
export function senseless(asked, chosen, about, speeds) {
  const odd = [];
  const among = (name, values) => {
    if (asked.has(name) && !values.includes(asked.get(name))) odd.push(`${name} is “${asked.get(name)}”, and may be ${values.join(", ")}`);
  };
  if (asked.has("play") && !chosen) {
    odd.push(`no recording is called “${asked.get("play")}”${about.recordings.length ? "; those in the list can be played" : ", and none can be played here"}`);
  }
  among("speed", speeds);
  among("compute", ["server", "page"]);
  for (const name of new Set(asked.keys())) if (!["play", "speed", "compute"].includes(name)) odd.push(`“${name}” means nothing here; play, speed and compute do`);
  if (asked.get("compute") === "page" && about.in_page.why_not) odd.push(`this page cannot compute: ${about.in_page.why_not.replaceAll("`", "")}`);
  return odd;
}
