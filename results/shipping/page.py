"""Draw docs/models.md from the cards of the models that come with otolith: `python -m results.shipping.page`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import mean
from typing import Any

from otolith import datasets, rows
from otolith.datasets.pooled import COMMON, shared_names
from otolith.model import bundle, place
from otolith.rows import Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
ROWS = Path(__file__).resolve().parent / "cross-dataset.jsonl"
"""Rows of `otolith compare cross-dataset`, recipe `portable`."""
BETWEEN = """## Methods between data sets

Macro F1 in percent by the same recipe, `portable`, trained on some data sets and tested on whole others: on their
activities, and behind the stroke on still, on foot and running, with 95 % intervals over people. The strongest simple
rival is `classical`, hand-made features under extra trees, in seconds. The rows stand in results/shipping; made with

```sh
otolith compare cross-dataset --dataset motionsense+sp-sw-har-phone+uci-har+usc-had+mobifall --recipe portable \\
    --train motionsense --train sp-sw-har-phone --method supervised --method dynamic --method classical
```

and with the other three as `--train`, and with `--without gyro`.
"""
FEW = Path(__file__).resolve().parent / "few-labels.jsonl"
"""Scores on few labels, of `results.shipping.few_labels`."""
FEW_LABELS = """## Few labels on an encoder

Macro F1 in percent on the test people of `{dataset}`, whom no training saw, with a few labels an activity: mean of ten
draws of labels. All encoders are frozen under the heads of the recipe `best`, as `otolith run DATASET --encoder NAME`
has them, which use hand-made features and unlabelled windows, too; validation people choose nothing. With "2", the
study has two training people instead of all, for labels as for unlabelled windows. The frame of `encoder` was chosen on
development people of `uci-har`. Made with `python -m results.shipping.few_labels`.

`encoder` spares a pre-training: it is as good as one on the study's own windows, and brings 3.4 points over none with
one label an activity and all people; with ten labels nothing, and with two people it is 2.5 points behind with one
label and 1.8 ahead with five. Plain `otolith run uci-har` pre-trains on windows of 1 s and has 87.4, 90.7 and 91.3 on
the same draws ([results.md](results.md)). `phone` sees no posture, since its windows are turned upright: its encoder is
for activities of walking, not for sitting, standing and lying.
"""
WAYS = {
    "best": "`otolith run DATASET`: pre-trained on the study's own windows, of 1 s",
    "own": "the recipe of `encoder`, pre-trained on the study's own windows",
    "random": "the recipe of `encoder`, not pre-trained",
    "classical": "hand-made features under trees alone",
}
LICENCE = "LICENCE.md"
METHODS = ("supervised", "dynamic", "classical")
HEAD = """# Models that come with otolith

*Drawn by `python -m results.shipping.page` from the cards of models that `results.shipping.models` makes.*

Their names stand wherever a model folder may, on the command line and in `otolith.load_model`:

```sh
otolith demo                            # two minutes of a real recording, on a page in the browser
otolith models                          # what there is; `otolith models phone` tells more
otolith predict walk.zip                # without a model: by `phone`
otolith run my-walks --encoder phone    # your labels, on its encoder; or on that of `encoder`
```

Models of others, and yours for others, are on the Hugging Face Hub: `hf://USER/NAME` stands in the same places
([deploy.md](deploy.md#on-the-hugging-face-hub)).

They were trained on data whose publishers allow passing weights on, for any use (`otolith data` says which do), and
those with activities were tested on *whole other data sets*. Settings were chosen the other way round, trained on
those and tested on MotionSense. Where a device is worn as in no data set here, nobody has measured it.
"""


def text() -> str:
    """The page as it should be."""
    parts = [HEAD]
    for name in place.names():
        parts.append(_model(name, bundle.read_card(name)))
    parts += [_few(FEW.read_text("utf-8")), _compared(rows.read(ROWS)), _shared()]
    return "\n".join(parts)


def _model(name: str, card: dict[str, Any]) -> str:
    about, given, data = card["about"], card["input"], card["data"]
    told = ", ".join(card.get("activities", ())) or f"nothing by itself: `otolith run DATASET --encoder {name}`"
    size = sum((place.place_of(name) / part).stat().st_size for part in (place.CARD, place.WEIGHTS))
    lines = [
        f"## `{name}`\n",
        f"For {about['title']}. {size / 1e6:.2f} MB.\n",
        "| | |",
        "|---|---|",
        f"| tells | {told} |",
    ]
    if "cannot" in about:
        lines.append(f"| cannot tell | {about['cannot']} |")
    optional = f"; {', '.join(given['may_miss'])} may be missing" if given["may_miss"] else ""
    lines += [
        f"| takes | windows of {given['seconds']:g} s at {given['rate_hz']:g} Hz (recordings from "
        f"{given['rate_hz'] / 2:g} Hz on) of {', '.join(given['channels'])}{optional} |",
        f"| trained on | {data['title']}: {about['people']} people |",
        f"| by | {card['method']}, recipe {card['recipe_hash']}, seed {card['seed']} |",
        f"| licence of the data | {data['licence']} |",
        f"| terms | {data['terms']} |",
        f"| cite | {data['citation']} |",
        "",
    ]
    if about.get("tested"):
        lines += [
            "Macro F1 in percent on data sets that its training has not seen, with 95 % intervals over people:\n",
            "| data set | people | its activities | still, on foot, running | F1 of each |",
            "|---|---|---|---|---|",
            *(_tested(each) for each in about["tested"]),
            "",
        ]
    return "\n".join(lines)


def _tested(each: dict[str, Any]) -> str:
    without = f", without {', '.join(each['without'])}" if each["without"] else ""
    single = ", ".join(f"{name} {100 * score:.0f}" for name, score in each["per_class_f1"].items())
    fine = _score(each["macro_f1"], each["interval"])
    coarse = _score(each["coarse_macro_f1"], each["coarse_interval"])
    return f"| {each['dataset']}{without} | {each['people']} | {fine} | {coarse} | {single} |"


def _score(score: float, interval: dict[str, Any] | None) -> str:
    between = f" ({100 * interval['low']:.1f} to {100 * interval['high']:.1f})" if interval else ""
    return f"{100 * score:.1f}{between}"


def _few(text: str) -> str:
    """Return the tables of encoders on few labels, one for each data set."""
    found = [json.loads(line) for line in text.splitlines()]
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in found):
        of = sorted(
            (row for row in found if row["dataset"] == dataset), key=lambda row: row["people"] or math.inf, reverse=True
        )
        labels = sorted({row["k"] for row in of})
        parts += [FEW_LABELS.format(dataset=dataset)]
        parts += [f"| training people | encoder | {' | '.join(map(str, labels))} |", "|---" * (len(labels) + 2) + "|"]
        cells: dict[tuple[str, str], dict[int, str]] = {}
        for row in of:
            way = WAYS.get(row["encoder"], f"that of `{row['encoder']}`")
            cells.setdefault((str(row["people"] or "all"), way), {})[row["k"]] = f"{100 * mean(row['draws']):.1f}"
        parts += [
            f"| {people} | {way} | {' | '.join(scores.get(k, '') for k in labels)} |"
            for (people, way), scores in cells.items()
        ]
        parts.append("")
    return "\n".join(parts)


def _compared(found: list[Row]) -> str:
    """Return the table of methods, each trained on some data sets and tested on whole others."""
    lines = [
        BETWEEN,
        f"| trained on | tested on | {' | '.join(METHODS)} |",
        "|---" * (len(METHODS) + 2) + "|",
    ]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in found:
        key, result, coarse = row.key, row.result, row.result["coarse"]
        without = f", without {', '.join(key['without'])}" if key["without"] else ""
        place = cells.setdefault((", ".join(key["train"]), key["test"] + without), {})
        both = _score(result["macro_f1"], result["interval"]), _score(coarse["macro_f1"], coarse["interval"])
        place[key["method"]] = " / ".join(both)
    for (train, test), scores in cells.items():
        lines.append(f"| {train} | {test} | {' | '.join(scores.get(method, '') for method in METHODS)} |")
    return "\n".join(lines) + "\n"


def _shared() -> str:
    lines = [
        "## Activities that data sets share\n",
        "What a data set calls its activities, and what they are called where data sets are pooled (`otolith run a+b`)",
        "or a model is tested on another. The others of its activities are left out there.\n",
        f"| data set | {' | '.join(COMMON)} |",
        "|---" * (len(COMMON) + 1) + "|",
    ]
    for name in datasets.names():
        found = shared_names(datasets.info(name))
        if found and datasets.info(name).common:
            cells = (", ".join(own for own, shared in found.items() if shared == each) for each in COMMON)
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def licence(name: str) -> str:
    """The licence file that lies beside a model's weights."""
    card = bundle.read_card(name)
    data = card["data"]
    return "\n".join(
        [
            f"# Licence of the model `{name}`\n",
            f"Weights and card are under the MIT licence, as otolith is. They were trained on {data['title']}.\n",
            "| the data | |",
            "|---|---|",
            f"| licence | {data['licence']} |",
            f"| terms | {data['terms']} |",
            f"| cite | {data['citation']} |",
            "",
        ]
    )


def written() -> dict[Path, str]:
    """Each file that is drawn from the cards, and its text."""
    licences = {place.place_of(name) / LICENCE: licence(name) for name in place.names()}
    return {PAGE: text()} | licences


def main() -> None:
    for path, content in written().items():
        path.write_text(content, "utf-8")


if __name__ == "__main__":
    main()
