"""How methods, data sets, splits and figures are written for people, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable

METHODS: dict[str, tuple[str, str]] = {
    "dynamic": ("Dynamic temperature", "DT"),
    "angular": ("Angular similarity", "AS"),
    "multimodal": ("Dynamic temperature across modalities", "DT across"),
    "csshar": ("CSSHAR", "CSSHAR"),
    "scheduled": ("Scheduled temperature", "Scheduled"),
    "macl": ("Model-aware temperature", "MACL"),
    "dystress": ("Similarity-dependent temperature", "DySTreSS"),
    "debiased": ("Debiased contrast", "Debiased"),
    "hard-negatives": ("Hard negatives", "Hard"),
    "cluster-negatives": ("Negatives from other clusters", "ClusterCLHAR"),
    "simsiam": ("SimSiam", "SimSiam"),
    "byol": ("BYOL", "BYOL"),
    "vicreg": ("VICReg", "VICReg"),
    "cpc": ("Contrastive predictive coding", "CPC"),
    "masked": ("Masked reconstruction", "Masked"),
    "multi-task": ("Multi-task self-supervision", "Multi-task"),
    "autoencoder": ("Convolutional autoencoder", "CAE"),
    "supervised": ("Supervised transformer", "ST"),
    "random": ("Random encoder", "Random"),
}
"""Full and short title of each method, in the order in which tables and figures show them."""

DATASETS = {
    "uci-har": "UCI-HAR",
    "usc-had": "USC-HAD",
    "mobiact": "MobiAct",
    "mobifall": "MobiFall",
    "watch": "Watch exercises",
    "synthetic": "Synthetic",
}

SPLITS = {
    "fixed": "the authors' fixed subjects",
    "holdout": "random hold-out of subjects",
    "fold": "fold of subjects",
    "subject": "by subject",
    "recording": "by recording",
    "time": "by time",
}

STAGES = {"autoencoder": "Autoencoder", "pretrain": "Pre-training", "finetune": "Fine-tuning"}
"""The stages of training with epochs, in their order."""

WITHIN_PERSON = {"recording", "time"}
"""Splits whose test windows may come from people seen in training."""


def method_title(name: str) -> str:
    """`dynamic` -> `Dynamic temperature`; an unknown name stays as it is."""
    return METHODS.get(name, (name, name))[0]


def method_short(name: str) -> str:
    return METHODS.get(name, (name, name))[1]


def dataset_title(name: str) -> str:
    return DATASETS.get(name, name)


def split_title(name: str) -> str:
    return SPLITS.get(name, name)


def method_order(name: str) -> tuple[int, str]:
    """Sort key: the order of METHODS, then the others by name."""
    known = list(METHODS)
    return (known.index(name) if name in METHODS else len(known), name)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `subject 9` before `subject 10`, for digits of any length."""
    parts = re.split("([0-9]+)", text)
    numbers = [part.lstrip("0") for part in parts[1::2]]
    key = [(1, 0, part) for part in parts]
    key[1::2] = [(0, len(number), number) for number in numbers]
    return [part for part in key if part != (1, 0, "")]


def percent(fraction: float) -> str:
    """0.9304 -> `93.0`: figures and tables show percent with one decimal."""
    return f"{100.0 * fraction:.1f}"


def listed(items: Iterable[object], most: int = 20) -> str:
    """Items joined by commas, with the number of those left out beyond `most`."""
    texts = [str(item) for item in items]
    rest = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + rest
