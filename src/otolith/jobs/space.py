"""Ranges of recipe values that a search may try, and the proposals of Optuna for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otolith.errors import RecipeError
from otolith.recipes import parse_override
from otolith.system.extras import need

RANGE = re.compile(r"(?P<low>[^.]\S*?)\.\.(?P<high>\S+?)(?P<log>:log)?$")


@dataclass(frozen=True)
class Range:
    """Values that a key of a recipe may take: from `low` to `high`, or one of `choices`.

    Attributes:
        log: the logarithm is drawn evenly.
        whole: whole numbers alone.

    >>> Range.parse("pretrain.lr=1e-4..1e-2:log")
    Range(key='pretrain.lr', low=0.0001, high=0.01, log=True, whole=False, choices=())
    >>> Range.parse("encoder.width=[32, 64]").choices
    (32, 64)
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Range:
        """Return the range in a text: KEY=LOW..HIGH, KEY=LOW..HIGH:log, or KEY=[one, another].

        Raises:
            RecipeError: it is none.
        """
        key, _, given = text.partition("=")
        key, given = key.strip(), given.strip()
        try:
            if not key:
                raise ValueError
            if found := RANGE.match(given):
                ends = [float(found[end]) for end in ("low", "high")]
                whole = not re.search(r"[.eE]", found["low"].replace("..", "") + found["high"])
                if not (ends[0] < ends[1] and (ends[0] > 0 or not found["log"])):
                    raise ValueError
                return cls(key, ends[0], ends[1], log=bool(found["log"]), whole=whole)
            _, value = parse_override(f"{key}={given}")
            if not isinstance(value, list) or len(value) < 2:
                raise ValueError
        except ValueError:
            raise RecipeError(
                f"--vary takes KEY=LOW..HIGH, KEY=LOW..HIGH:log (above 0) or KEY=[one, another], such as "
                f"pretrain.lr=1e-4..1e-2:log; got {text!r}"
            ) from None
        return cls(key, choices=tuple(value))

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that a recipe has to allow for the range to make sense: both ends, or all choices."""
        return self.choices or (self.value(self.low), self.value(self.high))

    def value(self, drawn: Any) -> Any:
        """Return a recipe's value from one that Optuna draws."""
        return json.loads(drawn) if self.choices else int(drawn) if self.whole else float(drawn)

    def drawn(self, value: Any) -> Any:
        """Return what Optuna would have drawn for a recipe's value."""
        return json.dumps(value) if self.choices else value

    def distribution(self, optuna: Any) -> Any:
        """Return the range as Optuna knows it."""
        kinds = optuna.distributions
        if self.choices:
            return kinds.CategoricalDistribution([json.dumps(choice) for choice in self.choices])
        if self.whole:
            return kinds.IntDistribution(int(self.low), int(self.high), log=self.log)
        return kinds.FloatDistribution(self.low, self.high, log=self.log)


def propose(
    space: Sequence[Range], history: Sequence[tuple[Mapping[str, Any], float | None]], seed: int, higher: bool = True
) -> dict[str, Any]:
    """Return the values to try next, by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011).

    The same history and seed give the same values.

    Args:
        history: values by key that were tried, and their score; None: they could not be trained with.
        higher: whether a higher score is better.

    Raises:
        RecipeError: Optuna is not installed.
    """
    optuna = need("optuna", "otolith tune", "tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = {each.key: each.distribution(optuna) for each in space}
    sampler = optuna.samplers.TPESampler(seed=(seed * 100_003 + len(history)) % 2**32)
    study = optuna.create_study(direction="maximize" if higher else "minimize", sampler=sampler)
    for values, score in history:
        drawn = {each.key: each.drawn(values[each.key]) for each in space}
        state = optuna.trial.TrialState.FAIL if score is None else optuna.trial.TrialState.COMPLETE
        study.add_trial(optuna.trial.create_trial(params=drawn, distributions=kinds, value=score, state=state))
    asked = study.ask(kinds).params
    return {each.key: each.value(asked[each.key]) for each in space}
