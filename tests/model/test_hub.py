"""Models of the Hugging Face Hub, against a stand-in for it on this machine."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith.cli.commands.predict import model_and_recordings
from otolith.cli.commands.push import _passed_on
from otolith.datasets.demo import FOLDER
from otolith.errors import CheckpointError, RecipeError
from otolith.live import exported
from otolith.model import bundle, hub, place
from otolith.model.hub import HubError, HubName, parse
from otolith.prediction.working import Settings
from tests.helpers.commandline import call, refused
from tests.helpers.hub import OTHER, TOKEN, Hub, Repo, serving

constants = pytest.importorskip("huggingface_hub.constants")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")  # huggingface_hub's own

NAME = "hf://ada/walks"
FILES = {file: (place.SHIPPED / "phone" / file).read_bytes() for file in hub.FILES}
NEWER = {file: (place.SHIPPED / "watch" / file).read_bytes() for file in hub.FILES}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub without a model, and a home that keeps none; nobody is logged in."""
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its servers speak a protocol of their own
    with serving() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        yield found


@pytest.fixture
def walks(server: Hub) -> str:
    """The first commit of a model on it."""
    repo = server.repos["ada/walks"] = Repo(private=False)
    return repo.add(FILES | {"README.md": b"walks", "setup.py": b"raise SystemExit('never run')"})


def windows() -> np.ndarray:
    return np.random.default_rng(0).normal([[0]] * 5 + [[9.8]], 1, (20, 6, 80)).astype(np.float32)[:, ::-1].copy()


def test_a_name_is_told_from_a_folder() -> None:
    assert parse("runs/a") is None
    assert parse(Path("hf")) is None
    for given in ("hf://ada/walks", "hf:/ada/walks", Path("hf://ada/walks")):
        assert parse(given) == HubName("ada/walks")
    assert parse("hf://ada/walks@feature/x") == HubName("ada/walks", "feature/x")
    for wrong in ("hf://ada", "hf://ada/walks/more", "hf://../walks", "hf://ada/..", "hf://ada/w@../x", "hf://a--b/c"):
        with pytest.raises(HubError, match=r"expected hf://USER/NAME"):
            parse(wrong)


def test_what_is_pushed_is_what_is_pulled_and_stays_without_a_network(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    ended = call("push", "phone", "ada/walks", "--licence", "mit", "--yes")
    assert ended.code == 0, ended.err
    for said in (
        "PUBLIC",
        f"{server.address}/ada/walks, a new repository",
        "weights.safetensors",
        "Free to use",
        "of motionsense",
    ):
        assert said in ended.out
    assert TOKEN not in ended.out + ended.err
    found = server.repos["ada/walks"]
    (*_, commit) = found.commits
    assert not found.private
    assert found.commits[commit].keys() == {".gitattributes", "README.md", *FILES}
    assert {name: found.commits[commit][name] for name in FILES} == FILES
    page = found.commits[commit]["README.md"].decode()
    for said in (
        "license: mit\n",
        "| tells | still, walking",
        "ODbL",
        "| usc-had | 14 | 79.5",
        "otolith predict hf://",
    ):
        assert said in page

    with caplog.at_level(logging.WARNING):
        model = otolith.load_model(NAME)
    assert f"otolith models {NAME} --update" in caplog.text
    assert commit[:12] in caplog.text
    x = windows()
    np.testing.assert_array_equal(model.predict_proba(x), otolith.load_model("phone").predict_proba(x))
    assert {who for _, path, who in server.asked if "of-lfs" in path} == {None}  # storage sees no token
    folder = place.place_of(NAME)
    assert {path.name for path in folder.iterdir()} == FILES.keys()
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert tmp_path / "home" in folder.parents
    asked = len(server.asked)
    assert bundle.read_card(NAME)["activities"] == list(model.activities)
    assert len(server.asked) == asked


def test_a_name_means_the_same_commit_until_a_newer_one_is_asked_for(server: Hub, walks: str) -> None:
    assert place.place_of(NAME).name == walks
    newer = server.repos["ada/walks"].add(NEWER)
    assert place.place_of(NAME).name == walks
    assert place.pinned(Path(NAME)) == Path(f"{NAME}@{walks}")
    ended = call("models", NAME, "--update")
    assert newer in ended.out
    assert "watches" in ended.out
    assert place.place_of(NAME).name == newer
    server.shutdown()
    assert bundle.read_card(f"{NAME}@{walks}")["about"]["title"].startswith("phones")
    assert f"{NAME} commit {newer[:12]}" in call("models").out
    assert "hf://USER/NAME --update" in refused("models", "phone", "--update")


def test_a_tag_and_a_commit_are_revisions(server: Hub, walks: str) -> None:
    repo = server.repos["ada/walks"]
    repo.names["v1"] = walks
    repo.add(NEWER)
    assert place.place_of(f"{NAME}@v1").name == walks
    repo.names["v1"] = repo.names["main"]
    assert place.place_of(f"{NAME}@v1").name == place.place_of(f"{NAME}@{walks}").name == walks
    assert place.place_of(NAME).name == repo.names["main"]
    with pytest.raises(HubError, match="no such branch, tag or commit"):
        place.place_of(f"{NAME}@v2")
    with pytest.raises(HubError, match="no such branch, tag or commit"):
        place.place_of(f"{NAME}@{'0' * 40}")


def test_it_stands_wherever_a_model_may(walks: str) -> None:
    given, recordings = model_and_recordings([NAME, "walk.zip"])
    assert (given, recordings) == (Path(NAME), ["walk.zip"])
    settings = Settings(place.pinned(given))
    assert place.called(settings.model) == f"{NAME}@{walks}"  # so do the pages of predictions, and other machines
    assert settings.about()["weights"] == Settings(Path("phone")).about()["weights"]
    assert exported.checksum(Path(NAME)) == exported.checksum(Path("phone"))
    assert len(otolith.load_encoder(NAME).features(windows())) == 20
    assert "lies on the Hugging Face Hub and stays as it is" in refused("calibrate", NAME, str(FOLDER))


def test_what_cannot_be_had_is_told(server: Hub, walks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not exist" in refused("models", "hf://ada/nothing")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    said = refused("evaluate", NAME)
    assert "does not know the token" in said
    assert "hf_wrong" not in said
    monkeypatch.setenv("HF_TOKEN", OTHER)
    server.repos["ada/walks"].private = True
    assert "private and not yours to read" in refused("predict", NAME, str(FOLDER))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server.repos["ada/walks"].add({"card.json": b"{}"})
    with pytest.raises(CheckpointError, match="bundle format None"):
        bundle.load_model(NAME)
    server.repos["ada/other"] = Repo(private=False)
    server.repos["ada/other"].add({"config.json": b"{}"})
    with pytest.raises(HubError, match=r"holds no card\.json, and so no model of otolith"):
        bundle.load_model("hf://ada/other")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids" in refused("predict", "hf://ada/third", str(FOLDER))


def test_a_server_that_is_down_is_told_at_once(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    said = refused("predict", NAME, str(FOLDER))
    assert "needs http://127.0.0.1:9 for this, which does not answer" in said
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "does not answer" in refused("push", "phone", "ada/walks", "--yes")


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_was_altered_on_the_way_is_refused(file: str, server: Hub, walks: str, tmp_path: Path) -> None:
    spoilt = bytearray(FILES[file])
    spoilt[len(spoilt) // 2] ^= 1
    for altered in (bytes(spoilt), FILES[file][:-9]):
        server.altered[file] = altered
        with pytest.raises(HubError, match="altered on the way"):
            bundle.load_model(NAME)
    assert list((tmp_path / "home").rglob(file)) == []
    server.altered.clear()
    bundle.load_model(NAME)


def test_a_file_that_is_too_long_is_not_taken(server: Hub, walks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.FILES, "weights.safetensors", 1000)
    with pytest.raises(HubError, match="at most 1,000 are taken"):
        bundle.load_model(NAME)
    assert not any("weights" in path for _, path, _ in server.asked)


def test_a_card_of_a_stranger_is_checked_in_what_is_shown(server: Hub, walks: str) -> None:
    card = json.loads(FILES["card.json"])
    for about in ("cannot", {"tested": [{"dataset": "a"}]}, {"title": 3}):
        server.repos["ada/walks"].add({"card.json": json.dumps(card | {"about": about}).encode()})
        assert "does not describe a model: about" in refused("models", NAME, "--update")


def test_a_damaged_list_of_commits_is_none(server: Hub, walks: str) -> None:
    folder = place.place_of(NAME)
    (folder.parent / hub.PINS).write_text('{"main": ["' + walks)
    assert place.place_of(NAME) == folder


def test_the_same_name_on_another_server_is_another_model(
    server: Hub, walks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.place_of(NAME)
    with serving() as other:
        monkeypatch.setenv("HF_ENDPOINT", other.address)
        with pytest.raises(HubError, match="does not exist"):
            place.place_of(NAME)


def test_nothing_is_published_before_somebody_agrees(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no token" in refused("push", "phone", "ada/walks", "--yes")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    ended = call("push", "phone", "ada/walks")
    assert (ended.code, server.repos) == (2, {})
    assert "add --yes" in ended.err
    assert "PUBLIC" in ended.out
    assert {method for method, *_ in server.asked} == {"GET"}
    for given, said in (
        (("ada/walks@v1",), "without a revision"),
        (("walks",), "expected hf://USER/NAME"),
        (("ada/walks", "--licence", "a b"), "no licence as the Hub spells it"),
    ):
        assert said in refused("push", "phone", *given)


def test_it_is_said_for_what_each_data_set_lets_a_model_be_passed_on() -> None:
    card = {"data": {"dataset": "motionsense+usc-had"}, "distilled": {"datasets": ["my-walks"]}}
    assert [(name, text.partition(":")[0]) for name, text in _passed_on(card)] == [
        ("of motionsense", "may be passed on, for any use"),
        ("of usc-had", "may be passed on for research"),
        ("of my-walks", "recordings of your own"),
    ]


def test_a_private_model_never_becomes_a_public_one(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "private: its owners alone" in call("push", "phone", "ada/walks", "--private", "--yes").out
    assert server.repos["ada/walks"].private
    ended = call("push", "watch", "hf://ada/walks", "--yes")
    assert "private: its owners alone" in ended.out
    assert "a commit after" in ended.out
    assert server.repos["ada/walks"].private
    assert place.place_of(NAME).name == server.repos["ada/walks"].names["main"]
    server.repos["ada/walks"].private = False
    assert "is there and public" in call("push", "phone", "ada/walks", "--private", "--yes").err
    server.repos["ada/other"] = Repo(private=False)
    server.repos["ada/other"].add({"model.bin": b""})
    assert "something else than a model" in call("push", "phone", "ada/other", "--yes").err
    assert "the token does not allow this" in call("push", "phone", "bea/walks", "--yes").err
    assert "Invalid metadata" in call("push", "phone", "ada/third", "--licence", "bad", "--yes").err


def test_without_the_extra_it_is_named_and_what_is_kept_still_works(
    server: Hub, walks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.place_of(NAME)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    bundle.load_model(NAME)
    with pytest.raises(RecipeError, match=r"otolith\[hub\]"):
        place.place_of("hf://ada/other")
