"""Many recordings: by several processes, after a stop, and with some that cannot be used."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from otolith import pipeline, splits
from otolith.errors import DataError
from otolith.importing import ImportOptions
from otolith.importing.questions import Undecided
from otolith.model import bundle
from otolith.prediction import batch, units, working
from otolith.prediction.store import Store, unfinished
from otolith.progress import Progress
from otolith.recording import CHANNELS, Recording, Stream
from tests.helpers import tiny
from tests.helpers.commandline import call, refused
from tests.helpers.processes import killed_worker
from tests.helpers.stops import StopIn, Stopped

RATE = 25.0
TABLE = "time (s),acc_x (m/s^2),acc_y (m/s^2),acc_z (m/s^2),gyro_x (rad/s),gyro_y (rad/s),gyro_z (rad/s)"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    w = tiny.windows_with_gravity()
    split = splits.holdout(w, 0)
    found = pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)
    return bundle.save(found, tmp_path_factory.mktemp("m") / "model")


def rows(n: int = 250, seed: int = 0, factor: float = 1.0) -> list[str]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (6, n)) + np.array([0, 0, 9.81, 0.9, 1.2, 1.5])[:, None]
    x[:3] *= factor
    return [f"{i / RATE:.3f}," + ",".join(f"{v:.5f}" for v in x[:, i]) for i in range(n)]


def table(path: Path, header: str = TABLE, **how: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows(**how)]) + "\n")  # type: ignore[arg-type]
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three people of whom all is well, in folders, tables and an archive."""
    folder = tmp_path / "study"
    table(folder / "ada" / "monday.csv", seed=1)
    table(folder / "ada" / "tuesday.csv", seed=2)
    table(folder / "bob.csv", seed=3)
    with zipfile.ZipFile(folder / "cleo.zip", "w") as archive:
        archive.writestr("walk.csv", "\n".join([TABLE, *rows(seed=4)]))
    return folder


def spoil(study: Path) -> None:
    """Add what cannot be read, or lacks what the model needs, and a file without motion."""
    table(study / "short.csv", n=10)
    lines = [",".join(line.split(",")[:4]) for line in [TABLE, *rows()]]
    (study / "no_gyroscope.csv").write_text("\n".join(lines) + "\n")
    broken = table(study / "broken.csv")
    broken.write_text(broken.read_text().replace("\n1.000,", "\nx,y,", 1))
    shutil.copy(study / "cleo.zip", study / "dan.zip")
    (study / "dan.zip").write_bytes((study / "dan.zip").read_bytes()[:2000])
    (study / "notes.csv").write_text("what,when\nnothing,never\n")


def done(
    model: Path, study: Path, work: Path, *, workers: int = 1, progress: Progress | None = None, **options: object
) -> batch.Done:
    plan = units.plan([study], options=ImportOptions(accept_guess=True))
    settings, store = working.Settings(model, "cpu", picture=None, **options), Store(work)  # type: ignore[arg-type]
    store.start(settings.about())
    return batch.run(plan, settings, store, batch.How(workers), progress=progress or Progress())


def test_the_others_are_done_and_all_that_is_wrong_is_listed(model: Path, study: Path, tmp_path: Path) -> None:
    spoil(study)
    ended = call("predict", model, study, "--out", tmp_path / "out", "--yes", "--subject-folder")
    assert ended.code == 3, ended.err
    text = " ".join(ended.out.split())
    for name, reason in {
        "short.csv": "too short to tell",
        "no_gyroscope": "has no gyro_x, gyro_y, gyro_z",
        "broken.csv, line": "broken.csv, line 27",
        "dan.zip": "cannot be read as a zip archive",
    }.items():
        assert name in text
        assert reason in text
    intervals = pl.read_csv(tmp_path / "out" / "intervals.csv")
    assert set(intervals["recording"]) == {"ada/monday", "ada/tuesday", "bob", "cleo/walk"}
    assert {"ada"} < set(intervals["subject"])
    notes = json.loads((tmp_path / "out" / "about.json").read_text())["notes"]
    assert any("notes.csv" in note and "no motion" in note for note in notes)
    assert sum(note.startswith("Left out") for note in notes) == 4
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_processes_give_the_same_as_one(model: Path, study: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        done(model, study, tmp_path / f"w{workers}", workers=workers).write(tmp_path / f"o{workers}", windows=True)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / f"o{n}").glob("*.csv")} for n in (1, 2))
    assert one == two
    names = ("windows", "intervals", "hours", "days", "recordings", "totals")
    assert set(one) == {f"{name}.csv" for name in names}
    recordings = pl.read_csv(tmp_path / "o1" / "recordings.csv")
    assert sorted(recordings["file"]) == ["ada/monday.csv", "ada/tuesday.csv", "bob.csv", "cleo.zip"]


def test_a_stopped_prediction_goes_on_and_does_nothing_twice(
    model: Path, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        done(model, study, tmp_path / "w", progress=StopIn("predict", 2))
    before = len(list((tmp_path / "w" / "units").iterdir()))
    assert 1 <= before <= 2
    counted: list[int] = []
    predict = working.predict_unit
    monkeypatch.setattr(batch, "predict_unit", lambda number, *rest: counted.append(number) or predict(number, *rest))
    progress = StopIn()
    done(model, study, tmp_path / "w", progress=progress).write(tmp_path / "out")
    assert len(counted) == 4 - before
    assert progress.lines == [f"{before} of 4 were predicted before; {4 - before} are left."]
    done(model, study, tmp_path / "whole").write(tmp_path / "other")
    names = ("intervals.csv", "totals.csv")
    assert [(tmp_path / "out" / n).read_bytes() for n in names] == [
        (tmp_path / "other" / n).read_bytes() for n in names
    ]


def test_a_file_that_changed_and_other_settings_are_predicted_anew(
    model: Path, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(model, study, tmp_path / "w")
    counted: list[int] = []
    predict = working.predict_unit
    monkeypatch.setattr(batch, "predict_unit", lambda number, *rest: counted.append(number) or predict(number, *rest))
    table(study / "bob.csv", seed=9, n=300)
    done(model, study, tmp_path / "w")
    assert len(counted) == 1
    done(model, study, tmp_path / "w", smoothing="none")
    assert len(counted) == 5


def test_what_one_file_decides_helps_another(model: Path, tmp_path: Path) -> None:
    """A unit that is read before the one whose data decide is read once more."""
    hint = ("accelerometer", ("ax", "ay", "az"))

    def undecided(hints: units.Hints, ask: object, scratch: object) -> units.Read:
        if hint not in hints:
            raise Undecided("short.csv: in which unit? Give --acc-unit g.")
        return units.Read(iter([given("short")]))

    def decides(hints: units.Hints, ask: object, scratch: object) -> units.Read:
        return units.Read(iter([given("long")]), (), {hint: ("g", "long.csv")})

    def given(name: str) -> units.Given:
        values = np.random.default_rng(0).normal(0, 1, (6, 100)) + np.array([0, 0, 9.81, 0, 0, 0])[:, None]
        return units.Given(Recording(name, 1, (Stream(CHANNELS, values, RATE),)), name)

    short, long = units.Unit("a", "short", None, 0, undecided), units.Unit("b", "long", None, 0, decides)
    settings, store = working.Settings(model, "cpu", picture=None), Store(tmp_path / "w")
    store.start(settings.about())
    found = batch.run(units.Plan([short, long], "both"), settings, store)
    assert [described["recording"] for each in found.outcomes for described in each.recordings] == ["short", "long"]
    assert found.left_out == []
    other = Store(tmp_path / "v")
    other.start(settings.about())
    with pytest.raises(DataError, match="--acc-unit"):
        batch.run(units.Plan([short], "one"), settings, other)


def test_nothing_of_use_is_an_error_that_has_all_reasons(model: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        table(tmp_path / "d" / f"{name}.csv", n=10)
    said = refused("predict", model, tmp_path / "d", "--out", tmp_path / "out", "--yes")
    assert "2 things have to be put right" in said
    assert not (tmp_path / "out").exists()
    assert not unfinished(tmp_path / "out").exists()
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "notes.csv").write_text("what,when\nnothing,never\n")
    said = refused("predict", model, tmp_path / "e", "--out", tmp_path / "out", "--yes")
    assert "looks like an accelerometer" in said


def test_units_can_be_told_apart_and_sent(study: Path) -> None:
    from joblib.externals.loky.backend.reduction import dumps

    plan = units.plan([study], options=ImportOptions(accept_guess=True))
    assert len({unit.key for unit in plan.units}) == 4
    assert sorted(unit.source for unit in plan.units) == ["ada/monday.csv", "ada/tuesday.csv", "bob.csv", "cleo.zip"]
    for unit in plan.units:
        again = pickle.loads(dumps(unit))
        (given,) = again.read({}, None, None).given
        assert given.file == unit.source
    with pytest.raises(DataError, match="nor the name of a data set"):
        units.plan(["nowhere"])


def test_days_are_cut_in_the_zone_of_the_recording_or_in_another(model: Path, tmp_path: Path) -> None:
    first = "2026-03-01T23:59:55"
    for name, zone in (("local", "+05:30"), ("utc", "Z")):
        lines = [
            f"{first[:-2]}{55 + i / RATE:06.3f}{zone}," + row.partition(",")[2] for i, row in enumerate(rows(n=100))
        ]
        (tmp_path / "d").mkdir(exist_ok=True)
        (tmp_path / "d" / f"{name}.csv").write_text("\n".join([TABLE.replace("time (s)", "time"), *lines]) + "\n")
    found = done(model, tmp_path / "d", tmp_path / "w")
    found.write(tmp_path / "own")
    own = pl.read_csv(tmp_path / "own" / "recordings.csv")
    assert own["start_local"].to_list() == [f"{first}+05:30", None]
    assert own["start_utc"].to_list() == ["2026-03-01T18:29:55Z", f"{first}Z"]
    assert own["timezone"].to_list() == ["UTC+05:30", "UTC"]
    replace(found, zone="Asia/Tokyo").write(tmp_path / "tokyo")
    tokyo = pl.read_csv(tmp_path / "tokyo" / "days.csv")
    assert tokyo["day"].to_list() == ["2026-03-02", "2026-03-02"]
    assert set(tokyo["timezone"]) == {"Asia/Tokyo"}
    assert tokyo["start_local"].to_list() == ["2026-03-02T00:00:00+09:00"] * 2
    with pytest.raises(DataError, match="is no time zone"):
        batch.run(found.plan, working.Settings(model), found.store, zone="Tokyo")


def test_accelerometers_are_calibrated_where_that_is_asked_for(model: Path, study: Path, tmp_path: Path) -> None:
    found = done(model, study, tmp_path / "w", calibrate=True)
    found.write(tmp_path / "out")
    recordings = pl.read_csv(tmp_path / "out" / "recordings.csv")
    assert {"off 1 g before mg", "off 1 g after mg"} <= set(recordings.columns)
    notes = json.loads((tmp_path / "out" / "about.json").read_text())["notes"]
    assert "Accelerometers of 0 of 4 recordings were calibrated to 1 g, see recordings.csv." in notes
    assert "left as it is" in next((tmp_path / "out" / "recordings").iterdir()).read_text("utf-8")
    assert "off 1 g before mg" not in pl.read_csv(tmp_path / "out" / "days.csv").columns


def test_there_is_no_limit_on_all_files_together(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = max(path.stat().st_size for path in study.rglob("*.csv"))
    monkeypatch.setattr("otolith.importing.containers.members.MAX_TOTAL_BYTES", 2 * largest)
    plan = units.plan([study], options=ImportOptions(accept_guess=True))
    assert (len(plan.units), plan.left_out) == (4, [])
    monkeypatch.setattr("otolith.importing.containers.members.MAX_TOTAL_BYTES", largest // 2)
    plan = units.plan([study / "bob.csv", study / "cleo.zip"], options=ImportOptions(accept_guess=True))
    assert len(plan.left_out) == 2


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds workers by /proc")
def test_a_cluster_gives_the_same_though_a_worker_dies(
    study: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    for number in range(6):
        table(study / f"eve{number}.csv", seed=10 + number, n=2000)
    spoil(study)
    monkeypatch.chdir(tmp_path)
    here = call("predict", model, "study", "--out", "here", "--yes")
    with killed_worker("ray::predict_on_cluster") as killed:
        there = call("predict", model, "study", "--out", "there", "--yes", "--executor", "ray")
    assert there.code == here.code == 3, there.err
    assert killed
    for name in ("intervals", "days", "hours", "recordings", "totals"):
        assert (tmp_path / "there" / f"{name}.csv").read_text() == (tmp_path / "here" / f"{name}.csv").read_text()
    assert not unfinished(tmp_path / "there").exists()


def test_labels_are_compared_with_what_is_recognised(model: Path, study: Path, tmp_path: Path) -> None:
    labels = ["recording,start,end,activity", "monday,0,5,MOVING", "bob,0,9,resting"]
    (tmp_path / "labels.csv").write_text("\n".join(labels) + "\n")
    (tmp_path / "study.toml").write_text('labels = "labels.csv"\nyes = true\n')
    ended = call("predict", model, study, "--out", tmp_path / "out", "--layout", tmp_path / "study.toml")
    assert ended.code is None or ended.code == 0, ended.err
    assert "windows that have a label" in " ".join(ended.out.split())
    (tmp_path / "labels.csv").write_text("start,end,activity\n0,5,moving\n")
    error = refused("predict", model, study, "--out", tmp_path / "two", "--layout", tmp_path / "study.toml")
    assert "does not say of which recording" in error
