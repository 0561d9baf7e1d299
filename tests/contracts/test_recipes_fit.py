"""Every shipped recipe fits the sensors and axes that there are: what it changes windows by is left out or acts."""

from __future__ import annotations

import pytest
import torch

from otolith import methods
from otolith.augment import SignalSpec
from otolith.errors import RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.preprocessing.gravity import FRAMES
from otolith.preprocessing.sensors import SensorSettings, check_sensors
from otolith.recipes import SHIPPED, load_recipe
from otolith.recording import CHANNELS

THERE = {
    "both": CHANNELS,
    "acc": CHANNELS[:3],
    "gyro": CHANNELS[3:],
    "one axis": CHANNELS[:1],
    "two axes": CHANNELS[:2],
}
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


@pytest.mark.parametrize("frame", FRAMES)
def test_a_sensor_that_may_be_missing_need_not_be_there_but_has_to_be_one(frame: str) -> None:
    check_sensors(CHANNELS[:3], SensorSettings((), frame, ("gyro",)))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"unknown sensor 'gyr'"):
        check_sensors(CHANNELS[:3], SensorSettings((), frame, ("gyr",)))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"acc is the only sensor|needs the accelerometer"):
        check_sensors(CHANNELS[:3], SensorSettings((), frame, ("acc",)))  # type: ignore[arg-type]
