"""A run folder like those that `otolith run` leaves, made up from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from otolith import metrics
from otolith.rows import Row, append, environment, recipe_hash

UCI = ("walking", "walking_upstairs", "walking_downstairs", "sitting", "standing", "laying")

MakeRun = Callable[..., Path]


def build_run(
    folder: Path,
    *,
    dataset: str = "uci-har",
    method: str = "dynamic",
    seed: int = 0,
    activities: Sequence[str] = UCI,
    subjects: Sequence[Any] = (2, 3, 11, 14, 26, 30),
    skill: float = 0.92,
    n: int = 900,
    warning: str = "",
    split: str = "fixed",
    recipe_name: str = "compact",
    rows_only: bool = False,
) -> Path:
    """Write every file of a run folder, or its row alone; `skill` is about the share of windows it gets right."""
    rng = np.random.default_rng(seed + 100 * len(method))
    n_classes = len(activities)
    y = rng.integers(0, n_classes, n)
    who = rng.choice(np.asarray(subjects), n)
    ability = {s: skill + rng.normal(0, 0.05) for s in subjects}
    right = rng.random(n) < np.array([ability[s] for s in who.tolist()])
    neighbour = np.clip(y + rng.choice([-1, 1], n), 0, n_classes - 1)
    pred = np.where(right, y, neighbour)
    result = metrics.evaluate(y, pred, who, activities, range(n_classes))
    result["val_macro_f1"] = max(0.0, result["macro_f1"] - 0.02)

    recipe = {
        "windows": {"rate_hz": 30.0, "seconds": 1.0, "overlap": 0.5},
        "encoder": {"maps": [32, 64, 128], "kernel": 3, "blocks": 2, "heads": 8, "dropout": 0.0},
        "augment": [{"name": "jitter", "probability": 1.0, "sigma": 0.5}],
        "pretrain": {"epochs": 30, "batch_size": 256, "lr": 1e-3},
        "dynamic": {"temperature": 0.1},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    (folder / "recipe.toml").write_text(
        f"# {recipe_name}\n[windows]\nrate_hz = 30.0  # Section IV-A\n\n[encoder]\nmaps = [32, 64, 128]\n",
        encoding="utf-8",
    )
    (folder / "environment.json").write_text(json.dumps(environment()), encoding="utf-8")
    key = {
        "protocol": "representation",
        "dataset": dataset,
        "split": split,
        "split_seed": 0 if split == "holdout" else None,
        "fold": None,
        "recipe": recipe_hash(recipe),
        "method": method,
        "seed": seed,
        "k": None,
        "unlabelled": [],
    }
    meta = {
        "recipe_name": recipe_name,
        "seconds": {"pretrain": 803.4, "finetune": 41.0, "evaluate": 1.2},
        "environment": environment(),
        "warning": warning,
        "split": {
            "train": {"windows": 18015, "subjects": 19},
            "val": {"windows": 4929, "subjects": 5},
            "test": {"windows": n, "subjects": len(subjects)},
        },
    }
    append(folder / "rows.jsonl", Row(key, result, meta))
    if rows_only:
        return folder

    curves: list[dict[str, Any]] = []
    for stage, epochs, start in (("autoencoder", 20, 1.1), ("pretrain", 30, 5.2), ("finetune", 50, 1.6)):
        for epoch in range(1, epochs + 1):
            point: dict[str, Any] = {
                "stage": stage,
                "epoch": epoch,
                "loss": start * (0.35 + 0.65 * np.exp(-epoch / 7)) + rng.normal(0, 0.01),
                "lr": 1e-3,
                "seconds": 12.5,
            }
            if stage == "finetune":
                point["val_macro_f1"] = float(np.clip(0.9 - 0.5 * np.exp(-epoch / 6) + rng.normal(0, 0.006), 0, 1))
            curves.append(point)
    (folder / "curves.jsonl").write_text("".join(json.dumps(p) + "\n" for p in curves), encoding="utf-8")

    arrays = folder / "arrays"
    arrays.mkdir(exist_ok=True)
    m = min(n, 600)
    angle = 2 * np.pi * y[:m] / n_classes
    centre = 30 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    person = np.array([list(subjects).index(s) for s in who[:m].tolist()])[:, None]
    noise = rng.normal(size=(m, 2))
    np.save(arrays / "tsne_before.npy", (0.35 * centre + 10 * noise + 3 * person).astype(np.float32))
    np.save(arrays / "tsne_after.npy", (centre + 5 * noise + person).astype(np.float32))
    np.save(arrays / "tsne_y.npy", y[:m])
    np.save(arrays / "tsne_subject.npy", who[:m])
    h = rng.normal(size=(m, 16)) + 1.3 * np.eye(n_classes, 16)[y[:m]]
    teacher = metrics.teacher_separation(h, y[:m], activities)
    (arrays / "teacher.json").write_text(json.dumps(teacher), encoding="utf-8")

    card = {
        "format": 1,
        "kind": "model",
        "method": method,
        "seed": seed,
        "input": {
            "layout": "(batch, channels, time)",
            "channels": ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"],
            "units": ["m/s^2"] * 3 + ["rad/s"] * 3,
            "rate_hz": 30.0,
            "seconds": 1.0,
            "overlap": 0.5,
            "steps": 30,
        },
        "data": {
            "dataset": dataset,
            "terms": "No commercial use, says the data set's own README.",
            "licence": "as the README says",
            "citation": "Anguita et al., A public domain dataset for human activity recognition, 2013",
            "activities": list(activities),
        },
        "activities": list(activities),
    }
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder
