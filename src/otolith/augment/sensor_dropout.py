"""Sensor dropout: a device without one of the sensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec
from otolith.augment.checks import NothingToChangeError, number
from otolith.augment.registry import register
from otolith.errors import RecipeError, unknown
from otolith.recording import known_sensors, sensor_of, sensors_of


@register
class SensorDropout(Augmentation):
    """Set all channels of random sensors to 0, their mean over the training windows, as `Scaler` does with a sensor
    that is missing.

    Each of `sensors` ("acc", "gyro"; none named: all) is dropped with probability `rate`, in [0, 1], independently;
    where all sensors of a window would go, one of them, chosen at random, stays. A sensor that the data do not have is
    missing anyway. Params: `keep` (batch, channels, 1) bool.
    """

    name = "sensor_dropout"

    def __init__(self, signal: SignalSpec, *, sensors: Sequence[str] = (), rate: float = 0.5) -> None:
        super().__init__(signal)
        self.rate = number(self.name, "rate", rate, low=0.0, high=1.0)
        there = sensors_of(signal.channels)
        for sensor in sensors:
            if sensor not in known_sensors(there):
                raise RecipeError(unknown(f"sensors of augmentation {self.name!r}:", str(sensor), known_sensors(there)))
        dropped = tuple(sensors) or there
        if not set(dropped) & set(there):
            raise NothingToChangeError(
                f"augmentation {self.name!r} drops {', '.join(dropped)}, and there is {', '.join(there)} alone; "
                "leave it out for this data"
            )
        self._drops = [sensor in dropped for sensor in there]
        self._rows = [there.index(sensor_of(channel)) for channel in signal.channels]

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        draw = torch.rand((len(x), len(self._drops), 1), generator=generator, device=x.device)
        always = torch.tensor([not drops for drops in self._drops], device=x.device)[:, None]
        draw = draw.masked_fill(always, 2.0)
        keep = (draw >= self.rate) | (draw == draw.amax(dim=1, keepdim=True))
        return {"keep": keep[:, self._rows]}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x.masked_fill(~params["keep"], 0.0)
