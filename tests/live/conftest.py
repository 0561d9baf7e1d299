"""Small models with gravity in their windows, two recordings that they fit, and a server that knows both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers import tiny

pytest.importorskip("starlette", reason="the extra `live` is not installed")

from otolith import pipeline, splits
from otolith.errors import DataError
from otolith.live import runtime
from otolith.live.recordings import Playable
from otolith.model import Model
from otolith.recording import CHANNELS, Recording, Stream
from tests.helpers.live import Served, running_live, signal


def trained(method: str, **sizes: Any) -> Model:
    torch.set_num_threads(1)
    w = tiny.windows_with_gravity()
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(**sizes), method), w, split)


@pytest.fixture(scope="session")
def model() -> Model:
    return trained("random")


@pytest.fixture(scope="session")
def convolutional() -> Model:
    return trained("random", encoder__kind="conv")


@pytest.fixture(scope="session")
def able() -> Model:
    """One that has learnt enough to tell activities apart in `tests.helpers.live.signal`."""
    return trained("supervised", method__supervised__epochs=60, finetune__epochs=60)


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """One regular, one of two sensors with clocks of their own and a gap."""
    rng = np.random.default_rng(3)
    regular = Recording("walk <b>", 1, (Stream(CHANNELS, signal(300, 50.0), 50.0),))
    streams = []
    for rate, rows in ((50.0, slice(0, 3)), (73.0, slice(3, 6))):
        n = round(6 * rate)
        steps = (1 + 0.2 * rng.uniform(-1, 1, n)) / rate
        steps[n // 2] += 0.7
        streams.append(Stream(CHANNELS[rows], signal(n, rate)[rows], rate, 0.1 + np.cumsum(steps)))
    return {"walk <b>": regular, "odd": Recording("odd", 1, tuple(streams))}


@pytest.fixture(scope="session")
def runtime_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the page's runtime; without npm or network there is none, which in CI is a failure."""
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    home = tmp_path_factory.mktemp("runtime-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTOLITH_HOME", str(home))
        try:
            runtime.fetch()
        except DataError as error:
            if os.environ.get("CI"):
                pytest.fail(str(error))
            pytest.skip(str(error))
    return home


@pytest.fixture(scope="session")
def known(model: Model, recordings: dict[str, Recording]) -> dict[str, Playable]:
    return {name: Playable.of(one, model) for name, one in recordings.items()}


@pytest.fixture(scope="session")
def served(model: Model, known: dict[str, Playable]) -> Iterator[Served]:
    """A running server that plays the recordings."""
    with running_live(model, recordings=known) as found:
        yield found


@pytest.fixture
def serving(model: Model, known: dict[str, Playable]) -> Iterator[Callable[..., Served]]:
    """A function that starts a server; keyword arguments change what it is built from."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(running_live(model, **({"recordings": known} | changes)))
