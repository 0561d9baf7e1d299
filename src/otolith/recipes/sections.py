"""The sections of a recipe: everything that decides what a run does, each value checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from otolith import methods
from otolith.augment import Compose, SignalSpec, build_all
from otolith.augment import options as options_of_augmentation
from otolith.errors import RecipeError, unknown
from otolith.finetuning.settings import FinetuneSettings
from otolith.methods.base import AutoencoderSettings, EncoderSettings, ProjectionSettings
from otolith.preprocessing.sensors import SensorSettings
from otolith.recipes.choices import MOST_CHOICES, Choice, candidates, check
from otolith.recipes.explaining import explain
from otolith.recipes.later import without_later
from otolith.recording import sensors_of
from otolith.training.settings import TrainSettings

MOST = 1_000_000
"""Largest size or count: beyond, no memory holds the network, and the sizes of its tensors overflow."""

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
"""Names of sensors; also a single one, as `--set windows.sensors=acc` gives it."""


class Section(BaseModel):
    """A table of a recipe; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WindowSection(Section):
    """Section IV-A: 30 Hz, one second, half overlapping."""

    rate_hz: float = Field(default=30.0, gt=0)
    seconds: float = Field(default=1.0, gt=0)
    overlap: float = Field(default=0.5, ge=0, lt=1)
    unlabelled: bool = False
    """Let the unlabelled stretches of training subjects join pre-training."""
    sensors: Names = ()
    """The sensors to use, such as ["acc"]; none named: all that the data set has."""
    frame: Literal["device", "gravity", "vertical"] = "device"
    """The axes that the network sees, see `otolith.preprocessing.gravity.FRAMES`."""


class RobustSection(Section):
    """Changes that a model shall bear: they happen to the views of pre-training, and to copies of the windows that a
    head learns from."""

    orientation: bool = False
    """The device turned at random: any way; about the vertical in the frame "gravity"; never in "vertical"."""
    may_miss: Names = ()
    """Sensors that may be missing in recordings to predict on, such as ["gyro"]: half of the windows lose each that the
    training data have."""
    copies: int = Field(default=4, ge=1)
    """Changed copies of each labelled window, beside the window as it is."""


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of nested tables and lists, and the path that `--set` would give it."""
    if isinstance(tree, (dict, list, tuple)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree


class AugmentationEntry(BaseModel):
    """One augmentation by name, its probability, and its own options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    probability: float = Field(default=0.5, ge=0, le=1)


def _entries(tables: Sequence[Mapping[str, Any]]) -> tuple[AugmentationEntry, ...]:
    return tuple(AugmentationEntry.model_validate(table) for table in tables)


def _checked(entries: tuple[AugmentationEntry, ...], where: str) -> tuple[AugmentationEntry, ...]:
    """Return the entries, or refuse an option that its augmentation does not have."""
    for entry in entries:
        known = options_of_augmentation(entry.name)
        for option in entry.model_extra or {}:
            if option not in known:
                raise RecipeError(f"{where}: " + unknown(f"option of {entry.name!r}:", option, known))
    return entries


class Recipe(Section):
    """A whole recipe: the `SharedSettings` of methods and the settings of the other stages. `hash` names it in rows.

    >>> from otolith.recipes import load_recipe
    >>> recipe = load_recipe("paper", "uci-har")
    >>> recipe.pretrain.epochs, recipe.hash
    (200, '9e83704b1573')
    """

    windows: WindowSection = WindowSection()
    robust: RobustSection = RobustSection()
    encoder: EncoderSettings
    projection: ProjectionSettings
    augment: tuple[AugmentationEntry, ...] = Field(min_length=1)
    pretrain: TrainSettings
    autoencoder: AutoencoderSettings
    finetune: FinetuneSettings = FinetuneSettings()
    choice: tuple[Choice, ...] = Field(default=(), max_length=MOST_CHOICES)
    """Ways to use labels, the simplest first, of which a run takes what its validation subjects or its number of labels
    speak for (`otolith.pipeline.choice`); none: `finetune` as it is."""
    method: dict[str, Any] = Field(default_factory=dict)
    """Settings of methods beside the shared sections: `[method.NAME]`, checked by `MethodSpec.settings`."""

    @field_validator("method", mode="before")
    @classmethod
    def _settings_of_methods(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            raise ValueError("expected tables such as [method.dynamic]")
        settings = {}
        for name, table in tables.items():
            kind = methods.spec(name).settings
            try:
                settings[name] = TypeAdapter(kind).validate_python(table)
            except ValidationError as error:
                raise RecipeError(explain(error, "the recipe", kind, f"method.{name}.")) from None
        return settings

    @field_validator("augment")
    @classmethod
    def _options_of_augmentations(cls, entries: tuple[AugmentationEntry, ...]) -> tuple[AugmentationEntry, ...]:
        return _checked(entries, "augment")

    @model_validator(mode="after")
    def _methods_that_train_end_to_end_can(self) -> Recipe:
        for name, settings in self.method.items():
            if methods.spec(name).end_to_end:
                try:
                    dataclasses.replace(settings, encoder="trained")
                except ValueError as error:
                    raise RecipeError(f"method.{name}: {error}") from None
        return self

    @model_validator(mode="after")
    def _choices_are_settings(self) -> Recipe:
        check(self.choice, self.finetune)
        return self

    @model_validator(mode="after")
    def _augmentations_of_end_to_end_training(self) -> Recipe:
        own = {"finetune": self.finetune} | {f"method.{name}": settings for name, settings in self.method.items()}
        own |= {f"choice.{number}": each.settings(self.finetune) for number, each in enumerate(self.choice)}
        for section, settings in own.items():
            if isinstance(settings, FinetuneSettings) and isinstance(settings.augment, tuple):
                try:
                    _checked(_entries(settings.augment), f"{section}.augment")
                except ValidationError as error:
                    raise RecipeError(explain(error, "the recipe", AugmentationEntry, f"{section}.augment.")) from None
        return self

    @model_validator(mode="after")
    def _refuse_numbers_out_of_range(self) -> Recipe:
        for path, value in _leaves(self.model_dump()):
            if isinstance(value, int) and value > MOST:
                raise RecipeError(f"{path}: expected at most {MOST:,}; got {value:,}")
            # what JSON or TOML cannot say
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                raise RecipeError(f"{path}: expected a finite number; got {value}")
        return self

    def candidates(self, labels: float) -> dict[str, FinetuneSettings]:
        """Return the settings of fine-tuning that stand for so many labelled windows an activity, by name."""
        return candidates(self.choice, self.finetune, labels)

    def augmentation(self, signal: SignalSpec) -> Compose:
        """Return the random augmentation module for windows of `signal` (Section IV-B2), with the changes of `robust`:
        the device is turned before anything else happens, and a sensor that is missing has no noise."""
        turns, drops = self._robust(signal)
        views = build_all([entry.model_dump() for entry in self.augment], signal, where_it_acts=True)
        return Compose([*turns.items, *views.items, *drops.items], views.left_out)

    def changes(self, settings: FinetuneSettings, signal: SignalSpec) -> Compose | None:
        """Return what `settings.augment` does to windows of `signal` in each batch, where it acts; None: nothing."""
        if isinstance(settings.augment, tuple):
            return build_all([each.model_dump() for each in _entries(settings.augment)], signal, where_it_acts=True)
        return self.augmentation(signal) if settings.augment else None

    @property
    def sensor_settings(self) -> SensorSettings:
        """Return the sensors to use, their axes, and those that may be missing."""
        return SensorSettings(self.windows.sensors, self.windows.frame, self.robust.may_miss)

    def variation(self, signal: SignalSpec) -> Compose:
        """Return the changes that the `robust` section asks for, by themselves; none where it asks for none."""
        turns, drops = self._robust(signal)
        return Compose([*turns.items, *drops.items])

    def _robust(self, signal: SignalSpec) -> tuple[Compose, Compose]:
        turn = {"name": "rotation", "kind": "vertical" if self.windows.frame == "gravity" else "so3"}
        missing = [sensor for sensor in self.robust.may_miss if sensor in sensors_of(signal.channels)]
        drop = {"name": "sensor_dropout", "sensors": missing}
        return (
            build_all([turn] if self.robust.orientation and self.windows.frame != "vertical" else [], signal),
            build_all([drop] if missing else [], signal),
        )

    def settings_of(self, method: str) -> Any:
        """Return the settings of a method: its `[method.NAME]` table, or its defaults where there is none."""
        return self.method[method] if method in self.method else methods.spec(method).settings()

    def cut_as(self, rate_hz: float, seconds: float, overlap: float) -> Recipe:
        """Return the same recipe for windows that are already cut."""
        cut = {"rate_hz": rate_hz, "seconds": seconds, "overlap": overlap}
        return self.model_copy(update={"windows": self.windows.model_copy(update=cut)})

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; settings of `LATER` only where they differ from their defaults."""
        tree: dict[str, Any] = without_later(self, self.model_dump(mode="json"))
        return tree

    def to_toml(self) -> str:
        """Return the whole recipe as TOML, which `load_recipe` reads back."""
        return tomli_w.dumps(self.as_dict())

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the values."""
        from otolith.rows import recipe_hash

        return recipe_hash(self.as_dict())
