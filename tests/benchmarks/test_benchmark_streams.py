"""The load test in its quick form: a real server, few streams, and clients that misbehave beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
from benchmarks.streams import __main__ as command
from benchmarks.streams.bad_clients import KINDS
from benchmarks.streams.fleet import Heard
from benchmarks.streams.judge import judge
from benchmarks.streams.script import answers, script
from otolith import pipeline, splits
from otolith.live import protocol
from otolith.model import Model, bundle
from otolith.streaming import StreamingRecogniser
from otolith.streaming.network import Network
from tests.helpers import tiny


@pytest.fixture(scope="module")
def model() -> Model:
    w = tiny.windows(n_subjects=6)
    x = w.x.copy()
    x[:, 2] += 9.81 - x[:, 2].mean()
    w = replace(w, x=x, meta=replace(w.meta, overlap=0.5))
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)


def test_nothing_is_lost_beside_clients_that_misbehave(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PLAYED_S", 60.0)
    saved = bundle.save(model, tmp_path / "model")
    assert command.main([str(saved), "--streams", "4", "--seconds", "2", "--slow", "1"]) == 0
    table, told = capsys.readouterr()
    cells = [cell.strip() for cell in table.splitlines()[-1].strip("|").split("|")]
    received, _, expected = cells[3].partition(" of ")
    assert cells[0] == "4"
    assert received == expected
    assert int(expected) >= 4 * 2
    assert cells[1:3] == ["480", "0"]
    assert cells[4:6] == ["0", "0"]
    for name in KINDS:
        assert f"1 that {name}: " in told


def test_scripts_are_answered_as_the_recogniser_does_push_by_push(model: Model) -> None:
    said = script(model, 4.0, 50.0, 3)
    recogniser = StreamingRecogniser(model, 50.0)
    expected = [p for piece in said.pieces for p in recogniser.push(said.values[:, piece], said.times[piece])]
    expected += recogniser.finish()
    right = answers(model, Network(model), said)
    assert [p.start_s for p in right.predictions] == [p.start_s for p in expected]
    assert [p.activity for p in right.predictions] == [p.activity for p in expected]
    assert sorted(right.completed_by) == list(right.completed_by)


def test_the_judge_sees_what_is_lost_doubled_disordered_and_different(model: Model) -> None:
    said = script(model, 5.0, 50.0, 3)
    right = answers(model, Network(model), said)
    texts = [_json(protocol.prediction(p, 0.0)) for p in right.predictions]

    def verdict(texts: list[str]) -> tuple[int, ...]:
        n = len(said.pieces) + 1
        heard = Heard([0.0] * n, [0.0] * n, [1.0] * len(texts), texts, ended=True)
        found = judge([heard], [right])
        assert found.clean == (not any((found.lost, found.doubled, found.disordered, found.different)))
        return found.lost, found.doubled, found.disordered, found.different

    assert verdict(texts) == (0, 0, 0, 0)
    assert verdict(texts[:-1]) == (1, 0, 0, 0)
    assert verdict([*texts, texts[-1]]) == (0, 1, 0, 0)
    assert verdict([texts[1], texts[0], *texts[2:]]) == (0, 0, 1, 0)
    assert verdict([texts[0].replace('"start_s": ', '"start_s": 9'), *texts[1:]]) == (1, 0, 0, 1)
    other = answers(model, Network(model), script(model, 5.0, 50.0, 4))
    swapped = _json(protocol.prediction(replace(other.predictions[2], start_s=right.predictions[2].start_s), 0.0))
    assert verdict([*texts[:2], swapped, *texts[3:]]) == (0, 0, 0, 1)


def _json(message: object) -> str:
    import json

    return json.dumps(message)
