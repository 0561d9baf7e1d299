"""Train the models that come with otolith: `python -m results.shipping.models phone watch encoder`.

Each is trained on data whose terms allow passing weights on, for any use, and tested on whole data sets that no
training saw. The card of the model says of what, by what and how well.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import otolith
from otolith.datasets.base import Dataset
from otolith.datasets.demo import SUBJECT
from otolith.datasets.pooled import IN_SHARED
from otolith.jobs.cutting import cutting
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.model.place import SHIPPED
from otolith.model.windows import windows_for_encoder
from otolith.pipeline import finetune, pretrain
from otolith.protocols.cross_dataset import scores_on
from otolith.recipes import load_recipe
from otolith.rows import environment
from otolith.splits import Split
from otolith.splits.base import shuffled
from otolith.system.files import write
from otolith.windows import Windows
from results.shipping.page import LICENCE

RECIPE = "portable"
ENCODER = {"windows.frame": "device"}
"""What the recipe of `encoder` differs in: postures, which the frame "vertical" hides, are left to tell apart."""
VALIDATION = 0.2
UNSEEN = tuple(f"wisdm-watch/{number}" for number in range(1616, 1651))
"""People who test what comes with otolith, and are never trained on."""


@dataclass(frozen=True)
class Making:
    """What a model is made of, and what its card says."""

    name: str
    pool: str
    title: str
    method: str
    tested: tuple[str, ...] = ()
    cannot: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


MAKINGS = {
    each.name: each
    for each in (
        Making(
            "phone",
            "motionsense+sp-sw-har-phone",
            "phones worn any way up in a trouser pocket or at the belt, with or without gyroscope",
            "supervised",
            ("uci-har", "usc-had", "mobifall"),
            "sitting from standing and lying, cycling, riding, and what else is none of its activities: some of it is "
            "called unknown, some is not",
        ),
        Making(
            "watch",
            "sp-sw-har-watch+wisdm-watch",
            "watches worn on either wrist, with or without gyroscope",
            "supervised",
            (),
            "stairs up from stairs down, sitting from standing and lying, and what else is none of its activities: "
            "some of it is called unknown, some is not. Still holds sitting with busy hands: typing, writing, eating",
        ),
        Making(
            "encoder",
            "motionsense+sp-sw-har-phone+sp-sw-har-watch+wisdm-watch",
            "phones and watches: an encoder without activities, to be taught yours by a few labels",
            "dynamic",
            changes=ENCODER,
        ),
    )
}


def person(name: str) -> str:
    """Return who wore it: one person may have worn a phone and a watch at once, in a data set for each."""
    study, _, number = name.rpartition("/")
    return f"{study.removesuffix('-phone').removesuffix('-watch')}/{number}"


def held_out(w: Windows) -> Split:
    """Return the split of a pool: a fifth of each data set's people validate, the person of the demo tests."""
    of = np.char.rpartition(w.subject, "/")[:, 0]
    demo = f"motionsense/{SUBJECT}"
    validating: list[str] = []
    for name in np.unique(of).tolist():
        people = [who for who in np.unique(w.subject[(of == name) & w.labelled]).tolist() if who != demo]
        validating += shuffled(people, 0)[: int(np.ceil(VALIDATION * len(people)))]
    test = w.subject == (demo if (w.subject == demo).any() else validating[0])
    val = np.isin(w.subject, validating) & ~test & w.labelled
    train = ~np.isin(w.subject, validating) & ~test
    parts = (np.flatnonzero(part).astype(np.int64) for part in (train, val, test & w.labelled))
    trained, validated, tested = parts
    return Split("own", trained, validated, tested, parts="shipped")


def scores(model: Model, data: Dataset, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the line of a card about one data set that no training saw."""
    w = windows_for_encoder(data, model.encoder)
    index = {name: number for number, name in enumerate(model.activities)}
    numbers = np.array([index.get(name, -1) for name in w.activities])
    y = np.where(w.y >= 0, numbers[w.y], -1)
    w = replace(w, y=y, meta=replace(w.meta, activities=model.activities)).take(y >= 0)
    result = scores_on(model, w, without)
    return {
        "dataset": data.info.name.removesuffix("+"),
        "without": list(without),
        "people": result["n_subjects"],
        "windows": result["n_windows"],
        "macro_f1": result["macro_f1"],
        "interval": result["interval"],
        "per_class_f1": result["per_class_f1"],
        "coarse_macro_f1": result["coarse"]["macro_f1"],
        "coarse_interval": result["coarse"]["interval"],
    }


def make(making: Making, checkpoints: Path | None = None) -> None:
    """Train one model, test it, and put it into the package; without labels on all windows there are."""
    data = otolith.load(making.pool)
    resolved = load_recipe(RECIPE, data.info.name, dict(making.changes))
    supervised = making.method == "supervised"
    w = data.windows(**{**cutting(data.info, resolved), "unlabelled": not supervised})
    met = sorted(set(w.subject.tolist()) & set(UNSEEN))
    if met:
        raise SystemExit(f"{', '.join(met)} test what comes with otolith; take them out of the folder first")
    split = held_out(w)
    place = None if checkpoints is None else checkpoints / making.name
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    encoder = pretrain(w, split, resolved, making.method, 0, on_epoch=told, checkpoints=place)
    made: Model | PretrainedEncoder = encoder
    if supervised:
        made = finetune(encoder, w, split, on_epoch=told)
    met_in_training = np.unique(w.subject[np.concatenate([split.train, split.val])]).tolist()
    people = len({person(name) for name in met_in_training})
    about: dict[str, Any] = {"title": making.title, "people": people, "commit": environment().get("commit")}
    if making.cannot:
        about["cannot"] = making.cannot
    if isinstance(made, Model):
        pairs = [(name, without) for name in making.tested for without in ((), ("gyro",))]
        about["tested"] = [scores(made, otolith.load(f"{name}+"), without) for name, without in pairs]
        for each in about["tested"]:
            print(json.dumps(each), flush=True)
    (SHIPPED / making.name / LICENCE).unlink(missing_ok=True)  # `results.shipping.page` draws it anew
    title = data.info.title if supervised else data.info.title.removesuffix(IN_SHARED)
    folder = bundle.save(made, SHIPPED / making.name, replace(data.info, title=title))
    card = json.loads((folder / bundle.CARD).read_text("utf-8"))
    write(folder / bundle.CARD, json.dumps(card | {"about": about}, indent=2, allow_nan=False) + "\n")


def told(record: dict[str, Any]) -> None:
    """Print an epoch."""
    print(record, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m results.shipping.models", description=__doc__)
    parser.add_argument("names", nargs="+", choices=MAKINGS)
    parser.add_argument("--checkpoints", type=Path, help="folder to keep epochs in, and to go on from")
    given = parser.parse_args()
    for name in given.names:
        make(MAKINGS[name], checkpoints=given.checkpoints)
