"""Score encoders of models on few labels of `uci-har`: `python -m results.shipping.few_labels own phone random`.

The question is what an encoder that comes with otolith saves who has few labels: "own" is the recipe `portable`
pre-trained on the unlabelled windows of the same study's training people, "random" and "classical" know nothing, any
other word names a model. All are frozen under a linear head, as the recipe has it; ten draws, test people.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

import numpy as np

import otolith
from otolith import splits
from otolith.jobs.cutting import cutting
from otolith.model import PretrainedEncoder, bundle
from otolith.model.place import place_of
from otolith.pipeline import evaluate, finetune, pretrain
from otolith.recipes import load_recipe
from otolith.splits import Split
from otolith.windows import Windows

DATASET, RECIPE = "uci-har", "portable"
METHODS = {"own": "dynamic", "random": "random", "classical": "classical"}
LABELS, DRAWS = (1, 2, 5, 10), 10


def encoder_of(name: str, w: Windows, split: Split) -> PretrainedEncoder:
    """Return an encoder by one of the words of `METHODS`, or of a model."""
    if name in METHODS:
        return pretrain(w, split, load_recipe(RECIPE, DATASET), METHODS[name], 0)
    return bundle.load_encoder(place_of(name), "cpu")


def scores(encoder: PretrainedEncoder, w: Windows, split: Split, k: int) -> list[float]:
    """Return the macro F1 on test people for each draw of k labels an activity; validation people keep theirs."""
    found = []
    for draw in range(DRAWS):
        chosen = split.train[splits.k_per_class(w.y[split.train], k, draw)]
        rows = np.concatenate([chosen, split.val, split.test])
        y = np.full(len(w), -1)
        y[rows] = w.y[rows]
        labelled = replace(w, y=y)
        model = finetune(encoder, labelled, split, frozen=True)
        found.append(float(evaluate(model, labelled, split)["macro_f1"]))
    return found


def main() -> None:
    """Print a line of JSON for each encoder and number of labels."""
    parser = argparse.ArgumentParser(prog="python -m results.shipping.few_labels", description=__doc__)
    parser.add_argument("names", nargs="+")
    given = parser.parse_args()
    data = otolith.load(DATASET)
    w = data.windows(**cutting(data.info, load_recipe(RECIPE, DATASET)))
    split = splits.default(w, data.info)
    for name in given.names:
        encoder = encoder_of(name, w, split)
        for k in LABELS:
            found = scores(encoder, w, split, k)
            line = {"encoder": name, "k": k, "macro_f1": float(np.mean(found)), "draws": found}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
