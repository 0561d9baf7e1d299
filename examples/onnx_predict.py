"""Recognise activities with numpy and onnxruntime alone:  python onnx_predict.py model.onnx signals.csv

The CSV has a column for each channel of the model (acc_x, ... in m/s^2, gyro_x, ... in rad/s), in any order, and a row
for each sample at the model's rate. Without a CSV the script says what the model expects.
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

signals = np.genfromtxt(sys.argv[2], delimiter=",", names=True, dtype=np.float32)
signals = np.stack([signals[name] for name in card["channels"]])  # (channels, samples)
steps, hop = card["steps"], round(card["steps"] * (1 - card["overlap"]))
starts = range(0, signals.shape[1] - steps + 1, hop)
windows = np.stack([signals[:, start : start + steps] for start in starts])  # (windows, channels, steps)

probabilities, *score = session.run(None, {"windows": windows})
for i, (start, p) in enumerate(zip(starts, probabilities, strict=True)):
    foreign = bool(score) and score[0][i] > card["unknown_above"]
    name = "unknown" if foreign else card["activities"][p.argmax()]
    print(f"{start / card['rate_hz']:8.2f} s  {name:20s}  {p.max():.3f}")
