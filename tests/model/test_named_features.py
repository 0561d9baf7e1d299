"""Features with names: as an array, as a table, and written by the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import otolith
from otolith import datasets
from otolith.cli import main
from otolith.datasets.folder import write_folder
from otolith.errors import DataError
from otolith.model import bundle
from otolith.model.joining import joined
from otolith.nets import HandmadeFeatures
from tests.helpers import tiny


@pytest.fixture(scope="module")
def encoder() -> otolith.model.values.PretrainedEncoder:  # type: ignore[name-defined]
    w = tiny.windows()
    return otolith.pretrain(w, otolith.splits.holdout(w, 0), tiny.recipe(), "random", device="cpu")


def test_an_array_with_names_and_facts(encoder: bundle.PretrainedEncoder) -> None:
    w = tiny.windows(n_unlabelled=2)
    found = otolith.features(encoder, w)
    np.testing.assert_array_equal(np.asarray(found), encoder.features(w.x))
    assert np.asarray(found, np.float64).dtype == np.float64
    n = encoder.network.n_features
    assert found.get_feature_names_out().tolist()[-1] == f"feature_{n - 1}"
    assert len(found) == len(w)
    assert list(found.columns())[:5] == ["subject", "recording", "start_s", "stop_s", "label"]
    assert [None if c < 0 else w.meta.activities[c] for c in w.y] == found.facts["label"].tolist()
    table = found.to_polars()
    assert table.shape == (len(w), 5 + n)
    assert table["label"].null_count() == (w.y < 0).sum() > 0
    assert (table["stop_s"] - table["start_s"]).unique().to_list() == [1.0]
    again = otolith.features(encoder, np.asarray(w.x))
    np.testing.assert_array_equal(again.values, found.values)
    with pytest.raises(DataError, match="the windows have channels"):
        otolith.features(encoder, tiny.windows(channels=("acc_x", "acc_y", "acc_z")))


def test_hand_made_features_keep_their_names(encoder: bundle.PretrainedEncoder) -> None:
    meta = encoder.meta
    network = joined(encoder.network, meta, encoder.scaler)
    names = network.feature_names()
    handmade = HandmadeFeatures(meta.channels, meta.n_steps, meta.rate_hz).names
    assert names[-len(handmade) :] == handmade
    assert len(set(names)) == network.n_features


@pytest.mark.parametrize("name", ["f.parquet", "f.csv"])
def test_the_command_writes_a_table(
    encoder: bundle.PretrainedEncoder, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = datasets.load("synthetic")
    recordings = [recording for recording, _ in zip(data.recordings(), range(2), strict=False)]
    write_folder(tmp_path / "walks", data.info, recordings)
    bundle.save(encoder, tmp_path / "model")
    assert main(["features", str(tmp_path / "model"), str(tmp_path / "walks"), "--out", str(tmp_path / name)]) == 0
    table = pl.read_parquet(tmp_path / name) if name.endswith("parquet") else pl.read_csv(tmp_path / name)
    assert table.columns[:5] == ["subject", "recording", "start_s", "stop_s", "label"]
    assert set(table["label"].drop_nulls()) <= set(data.info.activities)
    assert table["recording"].unique().sort().to_list() == sorted(each.name for each in recordings)
    assert f"{table.height:,} windows" in capsys.readouterr().out
    assert main(["features", str(tmp_path / "model"), "--out", str(tmp_path / "f.xlsx")]) == 2
    assert not (tmp_path / "f.xlsx").exists()
