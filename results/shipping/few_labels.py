"""Score encoders of models on few labels: `python -m results.shipping.few_labels own encoder phone random best`.

The question is what an encoder that comes with otolith saves who has few labels. "own" is the recipe that `encoder` is
made by, pre-trained on the unlabelled windows of the same study's training people; "random" and "classical" are the
same recipe without pre-training; "best" is what `otolith run` does where no encoder is named; any other word names a
model. All are frozen under the
heads of the recipe `best`, as `otolith run DATASET --encoder NAME` has them; ten draws, scored on the test people.
`--people 2` leaves two training people, with and without labels, as of a study that has just begun.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

import otolith
from otolith import splits
from otolith.jobs.cutting import cutting
from otolith.jobs.finetune import with_labels_of
from otolith.model import PretrainedEncoder, bundle
from otolith.model.place import place_of
from otolith.model.windows import windows_for_encoder
from otolith.pipeline import evaluate, finetune, pretrain
from otolith.recipes import load_recipe
from otolith.recipes.choices import by_rule
from otolith.splits import Split
from otolith.splits.base import shuffled
from otolith.windows import Windows
from results.shipping.models import ENCODER, RECIPE

METHODS = {"own": "dynamic", "best": "dynamic", "random": "random", "classical": "classical"}
LABELS, DRAWS = (1, 5, 10), 10
ROWS = Path(__file__).resolve().parent / "few-labels.jsonl"


def study(name: str, dataset: str, people: int | None) -> tuple[PretrainedEncoder, Windows, Split]:
    """Return an encoder by one of the words of `METHODS`, or of a model, and a study's windows as it takes them."""
    data = otolith.load(dataset)
    loaded = None if name in METHODS else bundle.load_encoder(place_of(name), "cpu")
    if loaded is not None:
        recipe = loaded.recipe
        w = windows_for_encoder(data, loaded)
    else:
        recipe = load_recipe("best", dataset) if name == "best" else load_recipe(RECIPE, dataset, dict(ENCODER))
        w = data.windows(**cutting(data.info, recipe))
    split = splits.default(w, data.info)
    if people is not None:
        chosen = shuffled(np.unique(w.subject[split.train]).tolist(), 0)[:people]
        split = replace(split, train=split.train[np.isin(w.subject[split.train], chosen)])
    return loaded or pretrain(w, split, recipe, METHODS[name], 0), w, split


def scores(encoder: PretrainedEncoder, w: Windows, split: Split, k: int) -> list[float]:
    """Return the macro F1 on test people for each draw of k labels an activity; validation people choose nothing."""
    encoder = with_labels_of(encoder, load_recipe("best", w.meta.dataset))
    _, settings = by_rule(encoder.recipe.candidates(k))
    found = []
    for draw in range(DRAWS):
        chosen = split.train[splits.k_per_class(w.y[split.train], k, draw)]
        rows = np.concatenate([chosen, split.val, split.test])
        y = np.full(len(w), -1)
        y[rows] = w.y[rows]
        labelled = replace(w, y=y)
        own = encoder.method == "classical"
        model = finetune(encoder, labelled, split, settings=None if own else settings, frozen=True)
        found.append(float(evaluate(model, labelled, split)["macro_f1"]))
    return found


def main() -> None:
    """Append a line of JSON for each encoder and number of labels that is not there yet."""
    parser = argparse.ArgumentParser(prog="python -m results.shipping.few_labels", description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--dataset", default="uci-har")
    parser.add_argument("--people", type=int, help="training people that are left; default: all")
    given = parser.parse_args()
    there = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()] if ROWS.exists() else []
    done = {(row["dataset"], row["people"], row["encoder"], row["weights"], row["k"]) for row in there}
    for name in given.names:
        weights = None if name in METHODS else bundle.read_card(name)["weights_sha256"][:12]
        missing = [k for k in LABELS if (given.dataset, given.people, name, weights, k) not in done]
        if not missing:
            continue
        encoder, w, split = study(name, given.dataset, given.people)
        for k in missing:
            found = scores(encoder, w, split, k)
            line = {"dataset": given.dataset, "people": given.people, "encoder": name, "weights": weights, "k": k}
            line["draws"] = found
            with ROWS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(f"{name}, k = {k}: {100 * np.mean(found):.1f}", flush=True)


if __name__ == "__main__":
    main()
