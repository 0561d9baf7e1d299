"""A model as a package that npm installs: what it says under Node is what otolith says."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.errors import RecipeError
from otolith.live.packaging import write_package
from otolith.model import Model
from otolith.recording import CHANNELS
from otolith.streaming import StreamingRecogniser
from otolith.windows import resample
from tests.helpers.live import signal

NODE = shutil.which("node")
with_node = pytest.mark.skipif(NODE is None, reason="there is no node on the path")
RATE_HZ = 25.0
SCRIPT = """
import { readFileSync } from "node:fs";
import { about, model, open } from "walks";

const given = JSON.parse(readFileSync("given.json"));
const windows = [];
const run = async (all, [n, channels, steps]) => {
  const size = channels * steps;
  const rows = Array.from({ length: n }, (_, i) => Array.from(all.slice(i * size, (i + 1) * size)));
  const said = rows.map((_, i) => given.said[windows.length + i]);
  windows.push(...rows);
  return { probabilities: said.flatMap(({ p }) => p), scores: said.map(({ score }) => score) };
};
const recogniser = await open({ run, rate_hz: given.rate, channels: given.channels });
const found = [];
for (const { t, x } of given.pieces) found.push(...await recogniser.push(t, x));
found.push(...await recogniser.finish());
const refused = [];
const bare = { run, rate_hz: given.rate, channels: ["acc_x"] };
for (const one of [{ run, rate_hz: 47 }, { run, rate_hz: 1 }, bare]) {
  await open(one).catch((error) => refused.push(error.message));
}
console.log(JSON.stringify({ about, windows, found, refused, graph: (await model()).length }));
"""


@with_node
def test_the_package_says_what_otolith_says(model: Model, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    package = tmp_path / "walks.tgz"
    done = write_package(model, package, title="walks", terms=["Cite: Ünal."], rates_hz=(RATE_HZ, 1.0))
    assert done.float32.largest < 1e-4
    values = signal(200, RATE_HZ)
    times = np.arange(200) / RATE_HZ
    times[120:] += 3.0  # a gap, over which no window lies
    edges = [0, 7, 60, 61, 125, 200]
    pieces = [slice(a, b) for a, b in pairwise(edges)]
    stream = StreamingRecogniser(model, RATE_HZ)
    expected = [each for at in pieces for each in stream.push(values[:, at], times=times[at])]
    expected += stream.finish()
    order = [3, 0, 5, 1, 4, 2]  # channels may come in any
    given = {
        "rate": RATE_HZ,
        "channels": [CHANNELS[i] for i in order],
        "pieces": [{"t": times[at].tolist(), "x": values[order, at].tolist()} for at in pieces],
        "said": [{"p": each.probabilities.tolist(), "score": each.score} for each in expected],
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "try.mjs").write_text(SCRIPT)
    installing = ["npm", "install", "--offline", "--no-audit", "--no-fund", "./walks.tgz"]
    subprocess.run(installing, cwd=tmp_path, check=True, capture_output=True)
    told = subprocess.run([str(NODE), "try.mjs"], cwd=tmp_path, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(told.stdout)

    assert [each["start_s"] for each in found["found"]] == pytest.approx([each.start_s for each in expected])
    assert [each["activity"] for each in found["found"]] == [each.activity for each in expected]
    beliefs = np.array([each["belief"] for each in found["found"]])
    np.testing.assert_allclose(beliefs.max(1), [each.probability for each in expected], atol=1e-6)
    length = round(model.meta.seconds * RATE_HZ)
    first = resample(values[:, :length], model.meta.n_steps)
    np.testing.assert_allclose(np.reshape(found["windows"][0], first.shape), first, atol=1e-4)
    assert found["graph"] == done.n_bytes
    assert found["about"]["terms"] == ["Cite: Ünal."]
    assert found["about"]["rates_hz"] == sorted({RATE_HZ, model.meta.rate_hz})  # 1 Hz is too slow for the model
    for words, said in zip(("no filter", "Fast movements", "There is no"), found["refused"], strict=True):
        assert words in said


def test_another_ending_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"ending \.tgz"):
        write_package(model, tmp_path / "walks.zip", title="walks")
