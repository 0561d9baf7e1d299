"""Every shipped recipe fits the sensors and axes that there are: what it changes windows by is left out or acts."""

from __future__ import annotations

import pytest
import torch

from otolith import methods, splits
from otolith.augment import SignalSpec
from otolith.errors import RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.pipeline import finetune, pretrain
from otolith.pipeline.distillation import distill
from otolith.preprocessing.gravity import FRAMES
from otolith.preprocessing.sensors import SensorSettings, check_sensors
from otolith.recipes import SHIPPED, load_recipe
from otolith.recording import CHANNELS
from tests.helpers import tiny
from tests.helpers.progress import Told

THERE = {
    "both": CHANNELS,
    "acc": CHANNELS[:3],
    "gyro": CHANNELS[3:],
    "one axis": CHANNELS[:1],
    "two axes": CHANNELS[:2],
}
WITHOUT_VIEWS = ("cpc", "masked", "multi-task", "autoencoder")
"""Methods that are pre-trained without the changes of `[[augment]]`."""
CASES = [(there, frame) for there in THERE for frame in FRAMES if frame == "device" or there in ("both", "acc")]


@pytest.mark.parametrize(("there", "frame"), CASES)
@pytest.mark.parametrize("dataset", ["uci-har", "mobiact", "somebody's own"])
@pytest.mark.parametrize("name", SHIPPED)
def test_all_that_a_recipe_does_to_windows_acts_on_them_or_is_left_out(
    name: str, dataset: str, there: str, frame: str
) -> None:
    recipe = load_recipe(name, dataset, {"windows.frame": frame})
    channels = THERE[there]
    signal = SignalSpec(channels, (0.0,) * len(channels), (1.0,) * len(channels), 30.0, vectors=frame != "vertical")
    settings = [recipe.settings_of(method) for method in methods.names()]
    ways = [each for each in settings if isinstance(each, FinetuneSettings)]
    ways += [each for labels in (1, 100, 1_000) for each in recipe.candidates(labels).values()]
    changes = [recipe.augmentation(signal), recipe.variation(signal), *(recipe.changes(each, signal) for each in ways)]
    x = torch.randn(3, len(channels), 16, generator=torch.Generator().manual_seed(0))
    for change in changes:
        if change is not None:
            assert change(x, torch.Generator().manual_seed(0)).isfinite().all()
    if there != "gyro":
        check_sensors(channels, recipe.sensor_settings)


def test_a_list_of_which_nothing_would_be_left_is_refused() -> None:
    recipe = load_recipe("best", "watch", {"augment": [{"name": "rotation"}]})
    with pytest.raises(RecipeError, match=r"augmentation 1: augmentation 'rotation' turns .* leave it out"):
        recipe.augmentation(SignalSpec(CHANNELS[:1], (0.0,), (1.0,), 30.0))


def test_whoever_trains_says_what_is_left_out() -> None:
    w = tiny.windows(n_subjects=6, per_activity=12, channels=(CHANNELS[0], CHANNELS[3]))
    split, line = splits.holdout(w, 0), "augmentation 'rotation' has nothing to change in acc_x, gyro_x"
    turned = [{"name": "rotation"}, {"name": "jitter"}]
    recipe = tiny.recipe("best", choice=[], augment=turned, method__supervised__augment=turned)
    for method in methods.names():
        if method == "multimodal":  # takes all axes of both sensors
            continue
        told, views = Told(), methods.spec(method).build is not None and method not in WITHOUT_VIEWS
        pretrain(w, split, recipe, method, device="cpu", progress=told)
        assert told.said == [line] * views, method
    told = Told()
    encoder = pretrain(w, split, recipe, "supervised", device="cpu", progress=told)
    model = finetune(encoder, w, split, progress=told)
    assert told.said == [line]
    distill(model, w, overrides={"method.distilled.epochs": 1, "encoder.width": 8}, progress=told)
    assert told.said == [line] * 2


@pytest.mark.parametrize("frame", FRAMES)
def test_a_sensor_that_may_be_missing_need_not_be_there_but_has_to_be_one(frame: str) -> None:
    check_sensors(CHANNELS[:3], SensorSettings((), frame, ("gyro",)))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"unknown sensor 'gyr'"):
        check_sensors(CHANNELS[:3], SensorSettings((), frame, ("gyr",)))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"acc is the only sensor|needs the accelerometer"):
        check_sensors(CHANNELS[:3], SensorSettings((), frame, ("acc",)))  # type: ignore[arg-type]
