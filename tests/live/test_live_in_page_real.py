"""A real recording of a test subject, recognised in the page: the same states, and probabilities as in the docs."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from otolith import datasets
from otolith.model import bundle
from otolith.prediction import predict_recordings
from tests.helpers.browser import Page, ready, recognised
from tests.helpers.live import running_command
from tests.helpers.real import beginning, model_for

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on the path"),
]


def test_a_whole_recording(
    page: Page, real_root: Path, runtime_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = datasets.load("uci-har", real_root)
    recording = next(itertools.islice(data.recordings(), 3, None))
    model = model_for(beginning(recording, 200.0), data.info)
    (found,) = predict_recordings(model, [recording], smoothing="causal")
    assert found.timeline is not None, found.why_not
    line = found.timeline
    monkeypatch.setenv("OTOLITH_HOME", str(runtime_home))
    saved = bundle.save(model, tmp_path / "model")
    play = ("--replay", f"uci-har:{recording.name}", "--data", str(real_root))
    with running_command(saved, *play) as command:
        ready(page, command.url)
        came = recognised(page, {"type": "replay", "recording": recording.name, "speed": 100})
    assert len(line.activity) == 661
    assert [one["start_s"] for one in came] == line.start_s.tolist()
    assert [one["activity"] for one in came] == line.activity
    np.testing.assert_allclose([one["p"] for one in came], line.probabilities, atol=1e-5)
    np.testing.assert_allclose([one["belief"] for one in came], line.belief, atol=1e-5)
