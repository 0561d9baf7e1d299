"""Description of a bundle, `card.json`, with every value of it checked when it is read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from otolith.errors import CheckpointError, RecipeError
from otolith.finetuning.settings import FinetuneSettings, TreeSettings
from otolith.model.seen import MOST
from otolith.recipes import Recipe
from otolith.recording import unit_of
from otolith.system import plugins
from otolith.windows import WindowMeta

if TYPE_CHECKING:
    from otolith.datasets.base import DatasetInfo

FORMAT = 1
MOST_STEPS = 100_000
"""Most steps of a window: some encoders take any number, and a window of more fills a memory."""
MOST_CHANNELS = 1000
"""Most channels of a window: hand-made features have no tensor in the weights whose size could be held against them."""
Positive = Annotated[float, Field(gt=0)]
Bounded = Annotated[float, Field(gt=0, le=1e9)]
Share = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


class Credits(NamedTuple):
    """Title, licence and citation of the data that a model has seen, as its card has them."""

    title: str | None
    licence: str | None
    citation: str | None


if TYPE_CHECKING:
    Info = DatasetInfo | Credits

HEADS = ("a head that was trained", "a head that was fitted")


def _kind_of_head(settings: Any) -> str:
    """Return the one of `HEADS` that settings are of: those of a fitted one name a model."""
    given = settings if isinstance(settings, dict) else getattr(settings, "__dict__", {})
    return HEADS["model" in given]


HeadSettings = Annotated[
    Annotated[FinetuneSettings, Tag(HEADS[0])] | Annotated[TreeSettings, Tag(HEADS[1])], Discriminator(_kind_of_head)
]


class _Part(BaseModel):
    # further keys are those of later versions, which a reader of format 1 may pass over
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="ignore")


class Input(_Part):
    """Windows that the encoder expects: channels, rate in Hz, length in seconds and in steps, and the scaler fitted to
    them."""

    channels: Annotated[Names, Field(max_length=MOST_CHANNELS)]
    units: tuple[str, ...] | None = None
    rate_hz: Bounded
    seconds: Bounded
    steps: int | None = None
    overlap: Annotated[float, Field(ge=0, lt=1)]
    scaler: dict[str, Any]

    @model_validator(mode="after")
    def _units_are_ours(self) -> Self:
        expected = tuple(unit_of(channel) for channel in self.channels)
        if self.units not in (None, expected):
            raise ValueError(f"its units have to be {', '.join(expected)}")
        return self

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        steps = round(self.seconds * self.rate_hz)
        if steps > MOST_STEPS:
            raise ValueError(f"its windows have {steps:,} steps; at most {MOST_STEPS:,} may be")
        if self.steps not in (None, steps):
            raise ValueError(f"its windows have {self.steps} steps, and rate and length make {steps}")
        return self


class Data(_Part):
    """Data set of the training windows, with its terms."""

    dataset: str
    terms: str
    activities: tuple[str, ...]
    content: Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")] = ""
    title: str | None = None
    licence: str | None = None
    citation: str | None = None


class Interval(_Part):
    """Ends of an interval of a score."""

    low: Share
    high: Share


class TestedCard(_Part):
    """Scores on a data set that no training saw."""

    dataset: str
    without: tuple[str, ...]
    people: Annotated[int, Field(ge=0)]
    macro_f1: Share
    interval: Interval | None
    per_class_f1: dict[str, Share] = Field(default_factory=dict)
    coarse_macro_f1: Share
    coarse_interval: Interval | None = None


class About(_Part):
    """Words for those who choose a model: for whom it is, what it cannot tell, and how good it was elsewhere."""

    title: str = ""
    people: Annotated[int, Field(ge=0)] = 0
    cannot: str = ""
    tested: Annotated[tuple[TestedCard, ...], Field(max_length=MOST_CHANNELS)] = ()


class CalibrationCard(_Part):
    """Temperature of the probabilities and threshold of "unknown"; its tensors lie beside the weights."""

    temperature: Positive
    score: str
    weights: dict[str, float]
    threshold: float
    false_unknowns: Share
    dataset: str
    validation_windows: Annotated[int, Field(ge=0)]
    ece_before: Share
    ece_after: Share


class ChoiceCard(_Part):
    """The way to use labels that was taken among a recipe's, and what each scored on the validation windows."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    by: Literal["validation", "labels"]
    labels: Annotated[float, Field(ge=0, le=1e9)]
    scores: dict[str, Share]


class DistilledCard(_Part):
    """Origin of a student, and its agreement with its teacher on windows held out."""

    teacher: Annotated[str, Field(max_length=200)]
    datasets: Annotated[tuple[str, ...], Field(max_length=MOST_CHANNELS)]
    terms: Annotated[tuple[str, ...], Field(max_length=MOST_CHANNELS)] = ()
    n_windows: Annotated[int, Field(ge=0)]
    n_held: Annotated[int, Field(ge=0)]
    people_held: Annotated[int, Field(ge=0)]
    same: Share
    same_unknown: Share
    peaks: Annotated[tuple[Bounded, ...], Field(max_length=MOST_CHANNELS)]


class Card(_Part):
    """Description of an encoder."""

    format: Literal[1]
    kind: Literal["encoder", "model"] = "encoder"
    method: str
    seed: int
    input: Input
    data: Data
    split: Annotated[dict[str, str | int], Field(max_length=10)] = Field(default_factory=dict)
    seen: Annotated[str, Field(pattern="^([0-9a-f]{8})*$", max_length=8 * MOST)] = ""
    recipe: Recipe
    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    about: About = Field(default_factory=About)

    @property
    def seen_windows(self) -> frozenset[str]:
        """Digests of windows that were learnt from (`otolith.model.seen`)."""
        return frozenset(self.seen[at : at + 8] for at in range(0, len(self.seen), 8))

    @property
    def windows(self) -> WindowMeta:
        """The windows that the encoder learnt from and expects."""
        given, data = self.input, self.data
        return WindowMeta(
            dataset=data.dataset,
            activities=data.activities,
            channels=given.channels,
            rate_hz=given.rate_hz,
            seconds=given.seconds,
            overlap=given.overlap,
            terms=data.terms,
            content=data.content,
        )


class ModelCard(Card):
    """Description of a recogniser: an encoder with a head."""

    activities: Names
    training_classes: Annotated[tuple[int, ...], Field(min_length=1)]
    finetune: HeadSettings
    finetune_seed: int
    validation_macro_f1: Share
    calibration: CalibrationCard | None = None
    choice: ChoiceCard | None = None
    distilled: DistilledCard | None = None

    @model_validator(mode="after")
    def _classes_are_activities(self) -> Self:
        if not set(self.training_classes) <= set(range(len(self.activities))):
            raise ValueError(
                f"training_classes have to be numbers of activities, between 0 and {len(self.activities) - 1}"
            )
        if len(set(self.activities)) < len(self.activities):
            raise ValueError("activities have to differ from each other")
        return self


def parse(content: bytes, kind: object) -> Card:
    """Return the card in a JSON text, of a model or of an encoder.

    Raises:
        ValueError: names the first key that is missing or wrong, what was expected, and what is there.
    """
    try:
        return (ModelCard if kind == "model" else Card).model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"] if part not in HEADS) or "the whole"
        found = "" if isinstance(first["input"], dict) else f" (found {first['input']!r:.100})"
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}{found}") from None
    except RecipeError as error:
        raise ValueError(f"recipe: {error}") from None


def refuse_lacking(named: object, folder: Path) -> None:
    """Refuse a model whose card names plug-ins that are not loaded, and warn of those that changed.

    Raises:
        CheckpointError: one is not loaded.
        ValueError: these are no digests by name.
    """
    if not isinstance(named, dict) or not all(isinstance(part, str) for pair in named.items() for part in pair):
        raise ValueError("plugins: expected digests by name")
    if reason := plugins.changed(named):
        logging.getLogger(__name__).warning("%s: %s", folder, reason)
    if reason := plugins.missing(named):
        raise CheckpointError(f"The model {folder} cannot be loaded. {reason}")
