"""What stands for a model: its folder, its run's, or a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from otolith.errors import CheckpointError
from otolith.model import bundle, place


def test_a_run_stands_for_its_model(tmp_path: Path) -> None:
    (tmp_path / "run/model").mkdir(parents=True)
    for name in ("card.json", "weights.safetensors"):
        (tmp_path / "run/model" / name).touch()
    assert place.place_of(tmp_path / "run") == tmp_path / "run/model"
    assert place.place_of(tmp_path / "run/model") == tmp_path / "run/model"
    assert place.is_model(tmp_path / "run")
    assert not place.is_model(tmp_path)


def test_a_folder_here_comes_before_a_model_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped"
    (shipped / "phone").mkdir(parents=True)
    (shipped / "phone/card.json").touch()
    monkeypatch.setattr(place, "SHIPPED", shipped)
    monkeypatch.chdir(tmp_path)
    assert place.names() == ("phone",)
    assert place.place_of("phone") == shipped / "phone"
    (tmp_path / "phone").mkdir()
    assert place.place_of("phone") == Path("phone")
    assert not place.is_shipped("phone")


def test_what_is_no_model_is_told_which_there_are() -> None:
    with pytest.raises(CheckpointError, match="phnoe is not a model folder: it does not exist"):
        bundle.load_model("phnoe")


def test_a_model_is_found_where_a_run_would_have_it(tmp_path: Path) -> None:
    for name in ("card.json", "weights.safetensors"):
        (tmp_path / name).touch()
    assert place.place_of(tmp_path / "model") == tmp_path
    (tmp_path / "model").mkdir()
    assert place.place_of(tmp_path / "model") == tmp_path / "model"
