"""Recognise activities with numpy and onnxruntime alone:  python onnx_predict.py model.onnx signals.csv [RATE]

The CSV has a column for each channel of the model (acc_x, ... in m/s^2, gyro_x, ... in rad/s), in any order, and a row
for each sample. Its rate, by a column `time` in seconds or by RATE in Hz, has to be one that the file takes.
Without a CSV the script says what the file expects.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
card = {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}
rates = dict(zip(card["rates_hz"], card["steps_of_rates"], strict=True))  # and the samples of a window at each
takes = " or ".join(f"{each:g}" for each in rates) + " Hz"
if len(sys.argv) < 3:
    channels = zip(card["channels"], card["units"], strict=True)
    sys.exit(f"expects {takes} of " + ", ".join(f"{name} in {unit}" for name, unit in channels))

table = np.genfromtxt(sys.argv[2], delimiter=",", names=True)
if len(sys.argv) > 3:
    came = float(sys.argv[3])
elif "time" in table.dtype.names:
    steps_s = np.diff(table["time"])
    came = 1 / np.median(steps_s)
    if steps_s.max() > 1 or steps_s.min() <= 0:
        sys.exit("the times have a gap of more than a second, or do not increase: give each stretch by itself")
else:
    sys.exit("at which rate are the samples? Add a column time in seconds, or the rate in Hz behind the file")
rate = min(rates, key=lambda each: abs(came / each - 1))
if abs(came / rate - 1) > 0.02:
    sys.exit(f"samples at {came:.4g} Hz, and the file takes {takes}: otolith export --from-rate {came:.3g}")

signals = np.stack([table[name] for name in card["channels"]]).astype(np.float32)  # (channels, samples)
steps, hop_s = rates[rate], card["seconds"] * (1 - card["overlap"])
starts = [round(k * hop_s * rate) for k in range(int((signals.shape[1] - steps) / (hop_s * rate) + 1 + 1e-9))]
if not starts:
    sys.exit(f"{signals.shape[1]} samples, and a window has {steps}")
given = {"windows": np.stack([signals[:, start : start + steps] for start in starts])}  # (windows, channels, steps)
for each in session.get_inputs()[1:]:  # of a file that smooths: seconds since the window before, and a first belief
    n = each.shape[0]
    given[each.name] = np.full(*((n, 1 / n) if isinstance(n, int) else (len(starts), hop_s)), np.float32)

found = dict(zip([output.name for output in session.get_outputs()], session.run(None, given), strict=True))
for i, start in enumerate(starts):
    p = found.get("beliefs", found["probabilities"])[i]
    foreign = "beliefs" not in found and "unknown_score" in found and found["unknown_score"][i] > card["unknown_above"]
    name = "unknown" if foreign else card["states" if "beliefs" in found else "activities"][p.argmax()]
    print(f"{start / rate:8.2f} s  {name:20s}  {p.max():.3f}")
