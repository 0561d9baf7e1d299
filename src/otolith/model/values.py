"""Networks that pre-training and fine-tuning give, together with everything they expect of their input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from otolith import showing
from otolith.calibration.network import Assessed, RecognitionNet, assessed
from otolith.calibration.value import Calibration
from otolith.errors import DataError
from otolith.finetuning.features import encode
from otolith.finetuning.settings import HeadSettings
from otolith.nets import Encoder
from otolith.preprocessing.scaler import Scaler
from otolith.progress import HERE, SILENT, Progress
from otolith.recording import sensors_of
from otolith.training.window_source import Part, Source
from otolith.windows import WindowMeta

if TYPE_CHECKING:
    from otolith.recipes import Recipe


@dataclass(eq=False)
class PretrainedEncoder:
    """A frozen encoder together with everything it expects of its input.

    Attributes:
        network: (batch, channels, time) in z-score units -> (batch, n_features), in eval mode.
        scaler: fitted on the training windows.
        meta: channels, rate and length of the windows it was trained on, and where they came from.
        teacher: what told dynamic temperature how alike windows are: a frozen autoencoder, or hand-made features; None
            where there was none.
        records: one for each epoch of each stage.
        split: what tells the split that it was trained on from others (`Split.identity`); empty where it is not known.
        seen: digests of windows that it learnt from, or was chosen by (`otolith.model.seen`); empty where not known.

    >>> import numpy as np, otolith
    >>> x = np.random.default_rng(0).normal(size=(20, 3, 30))
    >>> given = {"channels": ("acc_x", "acc_y", "acc_z"), "rate_hz": 30.0, "activities": ("still", "walk")}
    >>> w = otolith.Windows.from_arrays(x, np.tile([0, 1], 10), np.repeat([1, 2, 3, 4], 5), **given)
    >>> encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), method="random", device="cpu")
    >>> encoder.features(x[:2]).shape
    (2, 291)
    """

    network: Encoder
    scaler: Scaler
    meta: WindowMeta
    recipe: Recipe
    method: str
    seed: int
    teacher: Encoder | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    split: dict[str, Any] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return showing.line("Encoder", self.method, _told(self).values())

    def _repr_html_(self) -> str:
        return showing.card("Encoder", self.method, _told(self) | {"seed": self.seed, "terms": self.meta.terms})

    @property
    def device(self) -> torch.device:
        held = next(chain(self.network.parameters(), self.network.buffers()), None)
        return torch.device("cpu") if held is None else held.device

    def features(self, x: ArrayLike, progress: Progress = HERE) -> NDArray[np.float32]:
        """Return the features (n, n_features) of unscaled windows `x` (n, channels, time) in m/s² and rad/s.

        Raises:
            DataError: another number of channels or steps, or samples that are not finite.
        """
        return (
            encode(self.network, self._source(check_windows(x, self.meta, self.scaler.may_miss)), progress=progress)
            .cpu()
            .numpy()
        )

    def _source(self, x: NDArray[np.float32]) -> Source:
        return Source([Part(x)], self.scaler, self.device)


@dataclass(frozen=True)
class Chosen:
    """The way to use labels that was taken among a recipe's, and why.

    Args:
        name: of the one taken.
        by: "validation" (the best macro F1 on validation windows) or "labels" (their number alone).
        labels: labelled training windows an activity, on average.
        scores: macro F1 of each candidate on the validation windows, as fractions; empty where none was looked at.

    >>> Chosen("trees", "validation", 25.0, {"linear": 0.8, "trees": 0.9}).scores["trees"]
    0.9
    """

    name: str
    by: Literal["validation", "labels"]
    labels: float
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Distilled:
    """Origin of a student, and its agreement with its teacher on windows that it did not learn from.

    Args:
        teacher: method of the model that it learnt from.
        datasets, terms: of the windows, without their labels.
        n_windows, n_held: windows that it learnt from, and those held out.
        people_held: people of whom it learnt nothing; 0: the windows held out are of the same people.
        same: share of the windows held out for which both give the same activity.
        same_unknown: share of them that both call unknown, or neither does.
        peaks: largest input of each convolution after the first, for its int8 form (`otolith.nets.integers`).

    >>> Distilled("dynamic", ("watch",), (), 5000, 1000, 2, 0.97, 0.95, (4.0, 5.0, 6.0)).same
    0.97
    """

    teacher: str
    datasets: tuple[str, ...]
    terms: tuple[str, ...]
    n_windows: int
    n_held: int
    people_held: int
    same: float
    same_unknown: float
    peaks: tuple[float, ...]


@dataclass(eq=False)
class Model:
    """A recogniser: scaler, encoder and head behind one `predict`.

    Attributes:
        encoder: frozen while the head was trained, or trained with it (`supervised`).
        head: (batch, n_features) -> (batch, n_classes) logits.
        activities: names of the logits, in order.
        training_classes: numbers of the activities that the training windows held.
        validation: macro F1 of the chosen epoch on the validation windows, as a fraction; of a student, held against
            its teacher's answers on the windows held out.
        calibration: temperature and threshold of "unknown"; None: the temperature is 1, and nothing is unknown.
        chosen: how the settings were chosen among a recipe's; None: there was no choice.
        distilled: of a student, how it came to be (`otolith.distill`); None: a model that learnt from labels.

    >>> import numpy as np, otolith
    >>> x = np.random.default_rng(0).normal(size=(20, 3, 30))
    >>> given = {"channels": ("acc_x", "acc_y", "acc_z"), "rate_hz": 30.0, "activities": ("still", "walk")}
    >>> w = otolith.Windows.from_arrays(x, np.tile([0, 1], 10), np.repeat([1, 2, 3, 4], 5), **given)
    >>> encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), method="random", device="cpu")
    >>> from otolith.finetuning.heads import build_head
    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> settings = FinetuneSettings(hidden=(8,))
    >>> head = build_head(291, 2, settings, seed=0).eval()
    >>> model = Model(encoder, head, ("still", "walk"), (0, 1), settings, seed=0, validation=0.5)
    >>> model.predict_proba(x[:2]).shape
    (2, 2)
    """

    encoder: PretrainedEncoder
    head: nn.Module
    activities: tuple[str, ...]
    training_classes: tuple[int, ...]
    settings: HeadSettings
    seed: int
    validation: float
    records: list[dict[str, Any]] = field(default_factory=list)
    calibration: Calibration | None = None
    chosen: Chosen | None = None
    distilled: Distilled | None = None

    def __repr__(self) -> str:
        told = [showing.count(len(self.activities), "activity", "activities"), *_told(self.encoder).values()]
        return showing.line("Model", self.encoder.method, told)

    def _repr_html_(self) -> str:
        unknown = "" if self.calibration is None else "calibrated, can answer unknown"
        score = f"macro F1 {100 * self.validation:.1f} on validation windows"
        facts = {"activities": list(self.activities), **_told(self.encoder), "score": score, "probabilities": unknown}
        return showing.card("Model", self.encoder.method, facts | {"terms": self.meta.terms})

    @property
    def meta(self) -> WindowMeta:
        return self.encoder.meta

    def network(self) -> RecognitionNet:
        """Return encoder, head and calibration as one module on windows in z-score units, in eval mode."""
        return RecognitionNet(self.encoder.network, self.head, self.calibration).eval()

    def assess(self, x: ArrayLike, progress: Progress = SILENT) -> Assessed:
        """Return probabilities of unscaled windows `x` (n, channels, time) in m/s² and rad/s, and which are unknown.

        Raises:
            DataError: another number of channels or steps, or samples that are not finite.
        """
        source = self.encoder._source(check_windows(x, self.meta, self.encoder.scaler.may_miss))
        out = encode(self.network(), source, title="activities", progress=progress)
        return assessed(out.cpu().numpy(), self.calibration)

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """Return the probabilities (n, n_classes) of unscaled windows `x` (n, channels, time) in m/s² and rad/s.

        They are calibrated where the model is; `assess` also says which windows are unknown.

        Raises:
            DataError: another number of channels or steps, or samples that are not finite.
        """
        return self.assess(x).probabilities

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the most probable activity of each window, as an index into `activities`: (n,) int64."""
        return self.predict_proba(x).argmax(1)


def _told(encoder: PretrainedEncoder) -> dict[str, str]:
    """Return facts about an encoder, in words, by name."""
    meta, sizes = encoder.meta, [tensor.numel() for tensor in encoder.network.parameters()]
    sensors = showing.plain(", ".join(sensors_of(meta.channels)), 30)
    return {
        "trained on": showing.plain(meta.dataset, 30),
        "windows": f"{meta.seconds:g} s at {meta.rate_hz:g} Hz, {sensors}",
        "features": showing.count(encoder.network.n_features, "feature"),
        "weights": showing.count(sum(sizes), "weight") if sizes else "",
    }


def check_windows(x: ArrayLike, meta: WindowMeta, may_miss: Sequence[int] = ()) -> NDArray[np.float32]:
    """Return `x` as float32 (n, channels, time), of the shape that `meta` names.

    Args:
        may_miss: numbers of channels that may be NaN throughout a window, where their sensor is missing.

    Raises:
        DataError: another shape, or samples that are not finite.

    >>> check_windows(np.zeros((2, 6, 30)), WindowMeta("own", ("still", "walk"))).dtype
    dtype('float32')
    """
    with np.errstate(over="ignore"):  # becomes infinite and is refused below
        array = np.asarray(x, np.float32)
    expected = (len(meta.channels), meta.n_steps)
    if array.ndim != 3 or array.shape[1:] != expected or not len(array):
        raise DataError(
            f"expected windows (n, {expected[0]}, {expected[1]}): channels {', '.join(meta.channels)} and "
            f"{meta.n_steps} steps at {meta.rate_hz:g} Hz; got an array of shape {array.shape}"
        )
    finite: NDArray[np.bool_] = np.isfinite(array)
    if may_miss and not finite.all():
        silent: NDArray[np.bool_] = np.all(np.isnan(array), axis=2, keepdims=True)
        gone = silent & ~np.all(silent, axis=1, keepdims=True)  # something has to be there
        finite[:, list(may_miss)] |= gone[:, list(may_miss)]
    if not finite.all():
        row, channel, step = (int(i) for i in np.argwhere(~finite)[0])
        raise DataError(
            f"window {row} holds {array[row, channel, step]} in {meta.channels[channel]}, step {step}; "
            "drop the windows with missing samples, or cut them with otolith.windows"
        )
    return array


def must_fit(found: WindowMeta, expected: WindowMeta, what: str) -> None:
    """Refuse windows of other channels, rate or length; `what` names them.

    Raises:
        DataError: they differ; says in what.

    >>> must_fit(WindowMeta("own", (), rate_hz=50.0), WindowMeta("own", ()), "the windows")
    Traceback (most recent call last):
    otolith.errors.DataError: the windows have rate_hz 50.0; the encoder expects 30.0: cut them again with this rate_hz
    """
    for name, cure in (
        ("channels", "give the same channels in the same order"),
        ("rate_hz", "cut them again with this rate_hz"),
        ("seconds", "cut them again with this length"),
    ):
        came, wanted = getattr(found, name), getattr(expected, name)
        if came != wanted:
            raise DataError(f"{what} have {name} {came!r}; the encoder expects {wanted!r}: {cure}")
