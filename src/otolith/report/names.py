"""Names and numbers as people read them: methods, data sets, splits, percent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from otolith import methods

SPLITS = {
    "fixed": "the authors' fixed subjects",
    "own": "subjects or recordings of one's own choice",
    "holdout": "random hold-out of subjects",
    "dataset": "whole data sets that no training saw",
    "fold": "fold of subjects",
    "subject": "by subject",
    "recording": "by recording",
    "time": "by time",
    "unlabelled": "all recordings, to pre-train on",
}

STAGES = {
    "autoencoder": "Autoencoder",
    "pretrain": "Pre-training",
    "choice": "Candidates not taken",
    "finetune": "Fine-tuning",
    "trees": "Trees",
}
"""The stages of training with epochs, in their order."""

WITHIN_PERSON = {"recording", "time"}
"""Splits whose test windows may come from people seen in training."""


def stage_title(stage: str) -> str:
    """Return a stage's title: `finetune` -> `Fine-tuning`, `finetune: trees` -> `Fine-tuning: trees`, where a run tries
    several ways; an unknown stage stays as it is."""
    kind, colon, way = stage.partition(":")
    return f"{STAGES.get(kind, kind)}{colon}{way}"


def method_title(name: str) -> str:
    """Return a method's title in tables: `dynamic` -> `Dynamic temperature`; an unknown name stays as it is."""
    return methods.spec(name).label if name in methods.names() else name


def method_short(name: str) -> str:
    """Return a method's title in figures: `dynamic` -> `DT`; an unknown name stays as it is."""
    return methods.spec(name).short if name in methods.names() else name


def method_colour(name: str, other: str) -> str:
    """Return a method's colour in pictures, and `other` for a method that has none of its own or is unknown."""
    return (methods.spec(name).colour if name in methods.names() else "") or other


def dataset_title(name: str) -> str:
    """Return the short title of a data set: `uci-har` -> `UCI-HAR`; the name of an unknown data set stays as it is."""
    from otolith.datasets.registry import REGISTRY

    return REGISTRY.get(name).info.short or name if name in REGISTRY else name


def split_title(name: str) -> str:
    """Return the words for a kind of split; an unknown name stays as it is."""
    return SPLITS.get(name, name)


def method_order(name: str) -> tuple[int, str]:
    """Return a sort key: the order of the methods, then unknown names by the alphabet."""
    known = methods.names()
    return (known.index(name) if name in known else len(known), name)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts `subject 9` before `subject 10`, for digits of any length."""
    parts = re.split("([0-9]+)", text)
    numbers = [part.lstrip("0") for part in parts[1::2]]
    key = [(1, 0, part) for part in parts]
    key[1::2] = [(0, len(number), number) for number in numbers]
    return [part for part in key if part != (1, 0, "")]


def percent(fraction: float) -> str:
    """Return a fraction in percent with one decimal: 0.9304 -> `93.0`."""
    return f"{100.0 * fraction:.1f}"


def listed(items: Iterable[object], most: int = 20) -> str:
    """Return items joined by commas, with the number of those left out beyond `most`."""
    texts = [str(item) for item in items]
    rest = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + rest


def interval_text(result: Mapping[str, Any]) -> str:
    """Return the interval of a result as `88.1–95.2`, or a dash where it has none."""
    interval = result.get("interval")
    return f"{percent(interval['low'])}–{percent(interval['high'])}" if interval else "–"
