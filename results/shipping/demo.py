"""Make the recording of `otolith demo`: `python -m results.shipping.demo`."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np

from otolith.datasets import load
from otolith.datasets.demo import FOLDER, PARTS, SUBJECT
from otolith.datasets.folder import write_folder
from otolith.recording import Recording, Segment, Stream

LICENCE = """This recording is made of stretches of MotionSense, subject 24, one after the other:
https://github.com/mmalekzadeh/motion-sense

M. Malekzadeh, R. G. Clegg, A. Cavallaro, H. Haddadi: Mobile sensor data anonymization. Proc. ACM/IEEE IoTDI 2019,
49-58. doi:10.1145/3302505.3310068

Its publishers give MotionSense under the Open Data Commons Open Database License (ODbL) 1.0,
https://opendatacommons.org/licenses/odbl/1-0/, and in their repository under the MIT licence. This extract is given
under the same terms.
"""


def main() -> None:
    data = load("motionsense")
    wanted = {f"{trial}/sub_{SUBJECT}" for trial, *_ in PARTS}
    found = {each.name: each for each in data.recordings() if each.name in wanted}
    pieces, segments, at = [], [], 0.0
    for trial, start, seconds, activity in PARTS:
        stream = found[f"{trial}/sub_{SUBJECT}"].streams[0]
        first, n = round(start * stream.rate_hz), round(seconds * stream.rate_hz)
        pieces.append(stream.values[:, first : first + n])
        segments.append(Segment(at, at + seconds, activity))
        at += seconds
    values = np.concatenate(pieces, axis=1).round(3).astype(np.float32)
    whole = Recording("walk", SUBJECT, (Stream(stream.channels, values, stream.rate_hz),), tuple(segments))
    info = replace(
        data.info,
        name="demo",
        short="Demo",
        title="Two minutes with a phone in the front trouser pocket, of MotionSense",
        activities=tuple(dict.fromkeys(activity for *_, activity in PARTS)),
        how_to_get="It comes with otolith.",
        own=True,
        common={},
    )
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_folder(FOLDER, info, [whole], files={"LICENCE.txt": LICENCE})


if __name__ == "__main__":
    main()
