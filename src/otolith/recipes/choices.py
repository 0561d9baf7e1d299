"""Ways to use labels that a recipe lets a run choose between, each with the numbers of labels that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from otolith.errors import RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.recipes.explaining import explain

MOST_LABELS = 1_000_000
MOST_CHOICES = 100
"""Most choices of a recipe: each is checked as a whole, which takes milliseconds."""


class Choice(BaseModel):
    """A way to use labels, `[[choice]]` of a recipe: its name, its range, and what it replaces in `[finetune]`.

    >>> one = Choice(name="linear", most=25, head="linear")
    >>> one.settings(FinetuneSettings()).head, one.fits(5.0), one.fits(100.0)
    ('linear', True, False)
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1, max_length=60)
    least: int = Field(default=0, ge=0)
    """Fewest labelled windows an activity, on average, for which it stands."""
    most: int = Field(default=MOST_LABELS, ge=1)
    """Most labelled windows an activity for which it stands."""

    def fits(self, labels: float) -> bool:
        """Return whether it stands for so many labelled windows an activity."""
        return self.least <= labels <= self.most

    def settings(self, base: FinetuneSettings) -> FinetuneSettings:
        """Return `base` with what this replaces.

        Raises:
            ValueError: an unknown setting, or one out of its range.
        """
        known: dict[str, Any] = asdict(base)
        return TypeAdapter(FinetuneSettings).validate_python(known | (self.model_extra or {}))

    def joined(self, base: FinetuneSettings) -> Choice:
        """Return the choice with joined features where it is a vote on frozen ones, else as it is.

        >>> base = FinetuneSettings(standardise=True)
        >>> Choice(name="few", head="vote").joined(base).settings(base).features
        'joined'
        """
        settings = self.settings(base)
        if settings.head == "vote" and settings.encoder == "frozen":
            return self.model_copy(update={"features": "joined"})
        return self


def check(choices: Sequence[Choice], base: FinetuneSettings) -> None:
    """Refuse choices that cannot be used.

    Raises:
        RecipeError: settings that are unknown or out of range, two of one name, or an empty range.
    """
    for number, choice in enumerate(choices):
        try:
            choice.settings(base)
        except ValidationError as error:
            raise RecipeError(explain(error, "the recipe", FinetuneSettings, f"choice.{number}.")) from None
        if choice.least > choice.most:
            raise RecipeError(f"choice.{number}: expected least <= most; got least {choice.least}, most {choice.most}")
    names = [choice.name for choice in choices]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"choice: two are called {name!r}; give each a name of its own")


def candidates(choices: Sequence[Choice], base: FinetuneSettings, labels: float) -> dict[str, FinetuneSettings]:
    """Return the settings of the choices that stand for so many labels an activity, by name, in the recipe's order.

    Where none does, the one whose range is nearest stands alone; a recipe without choices has `[finetune]` alone, under
    an empty name.

    Args:
        labels: labelled windows an activity, on average.

    >>> few = Choice(name="few", most=10, head="linear")
    >>> list(candidates([few, Choice(name="many", least=5)], FinetuneSettings(), 7.5))
    ['few', 'many']
    """
    if not choices:
        return {"": base}
    standing = [choice for choice in choices if choice.fits(labels)]
    if not standing:
        standing = [min(choices, key=lambda choice: max(choice.least - labels, labels - choice.most))]
    return {choice.name: choice.settings(base) for choice in standing}


def by_rule(found: dict[str, FinetuneSettings]) -> tuple[str, FinetuneSettings]:
    """Return the candidate to take where no validation label may decide: the last.

    >>> by_rule({"few": FinetuneSettings(), "many": FinetuneSettings(epochs=9)})[0]
    'many'
    """
    return list(found.items())[-1]
