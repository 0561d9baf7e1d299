"""Recognise activities with numpy and onnxruntime alone:  python onnx_predict.py model.onnx signals.csv [RATE]

The CSV has a column for each channel of the model (acc_x, ... in m/s^2, gyro_x, ... in rad/s), in any order, and a row
for each sample. Its rate, by a column `time` in seconds or by RATE in Hz, has to be the one that the file takes.
Without a CSV the script says what the file expects.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
card = {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}
if len(sys.argv) < 3:
    channels = zip(card["channels"], card["units"], strict=True)
    sys.exit(f"expects {card['rate_hz']:g} Hz of " + ", ".join(f"{name} in {unit}" for name, unit in channels))

table = np.genfromtxt(sys.argv[2], delimiter=",", names=True)
if len(sys.argv) > 3:
    rate = float(sys.argv[3])
elif "time" in table.dtype.names:
    steps_s = np.diff(table["time"])
    rate = 1 / np.median(steps_s)
    if steps_s.max() > 1 or steps_s.min() <= 0:
        sys.exit("the times have a gap of more than a second, or do not increase: give each stretch by itself")
else:
    sys.exit("at which rate are the samples? Add a column time in seconds, or the rate in Hz behind the file")
if abs(rate / card["rate_hz"] - 1) > 0.02:
    sys.exit(
        f"samples at {rate:.4g} Hz, and the file takes {card['rate_hz']:g} Hz: otolith export --from-rate {rate:.3g}"
    )

signals = np.stack([table[name] for name in card["channels"]]).astype(np.float32)  # (channels, samples)
steps, hop = card["steps"], card["seconds"] * (1 - card["overlap"]) * card["rate_hz"]
n_windows = int((signals.shape[1] - steps) / hop + 1e-9) + 1 if signals.shape[1] >= steps else 0
if not n_windows:
    sys.exit(f"{signals.shape[1]} samples, and a window has {steps}")
starts = [round(k * hop) for k in range(n_windows)]
windows = np.stack([signals[:, start : start + steps] for start in starts])  # (windows, channels, steps)

probabilities, *score = session.run(None, {"windows": windows})
for i, (start, p) in enumerate(zip(starts, probabilities, strict=True)):
    foreign = bool(score) and score[0][i] > card["unknown_above"]
    name = "unknown" if foreign else card["activities"][p.argmax()]
    print(f"{start / card['rate_hz']:8.2f} s  {name:20s}  {p.max():.3f}")
