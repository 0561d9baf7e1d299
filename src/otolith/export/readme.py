"""Page of a model for the Hugging Face Hub, drawn from its card."""

from __future__ import annotations

import re
from typing import Any

from otolith.model.hub import HubName

TAGS = ("human-activity-recognition", "accelerometer", "gyroscope", "wearable-sensors", "time-series")
_MARKS = re.compile(r"([\\`*_\[\]<>|#~])")


def readme(card: dict[str, Any], name: HubName, licence: str | None = None) -> str:
    """Return the README.md of a model: what it tells, from which data and on whose terms, and how good it is.

    Args:
        card: of the model, checked (`bundle.read_card`).
        name: of the model on the Hub.
        licence: of the weights, as the Hub spells it ("mit"); None: the page names none.

    >>> from otolith.model import bundle
    >>> print(readme(bundle.read_card("watch"), HubName("ada/wrist"), "mit").splitlines()[1])
    license: mit
    """
    tags = "".join(f"- {tag}\n" for tag in TAGS)
    head = f"---\n{f'license: {licence}{chr(10)}' if licence else ''}library_name: otolith\ntags:\n{tags}---\n"
    lines = [
        head,
        f"# {name.repo.partition('/')[2]}\n",
        f"Made with [otolith](https://pypi.org/project/otolith). {_purpose(card)}\n",
        "```sh",
        'python -m pip install "otolith[hub]"',
        f"otolith predict {name} walk.zip" if card["kind"] == "model" else f"otolith finetune {name} my-walks",
        "```\n",
        "| | |",
        "|---|---|",
        *(f"| {label} | {_plain(text)} |" for label, text in _facts(card, licence) if text),
        "",
        *_figures(card),
        "`card.json` has every setting, and the versions that it was made with. The weights are safetensors, which "
        "hold no code.",
    ]
    return "\n".join(lines) + "\n"


def _purpose(card: dict[str, Any]) -> str:
    about = card.get("about", {})
    whom = f" For {_plain(about['title'])}." if about.get("title") else ""
    if card["kind"] == "model":
        return f"A recogniser of activities from {_plain(', '.join(card['input']['channels']))}.{whom}"
    return f"An encoder of {_plain(', '.join(card['input']['channels']))}, to be fine-tuned with labels.{whom}"


def _facts(card: dict[str, Any], licence: str | None) -> list[tuple[str, str]]:
    about, given, data = card.get("about", {}), card["input"], card["data"]
    distilled = card.get("distilled") or {}
    missing = f"; {', '.join(given['may_miss'])} may be missing" if given.get("may_miss") else ""
    people = f", {about['people']} people" if about.get("people") else ""
    terms = [data["terms"], *distilled.get("terms", ())]
    return [
        ("tells", ", ".join(card.get("activities", ()))),
        ("cannot tell", about.get("cannot", "")),
        (
            "takes",
            f"windows of {given['seconds']:g} s at {given['rate_hz']:g} Hz of {', '.join(given['channels'])}, in m/s² "
            f"and rad/s{missing}",
        ),
        ("trained on", f"{data.get('title') or data['dataset']}{people}"),
        ("by", f"{card['method']}, recipe {card.get('recipe_hash', 'unnamed')}, seed {card['seed']}"),
        ("student of", f"{distilled['teacher']}, on {', '.join(distilled['datasets'])}" if distilled else ""),
        ("licence of the weights", licence or ""),
        ("licence of the data", data.get("licence") or "not stated"),
        ("terms of the data", " ".join(dict.fromkeys(terms)) or "not stated"),
        ("cite", data.get("citation") or ""),
    ]


def _figures(card: dict[str, Any]) -> list[str]:
    lines = []
    if "validation_macro_f1" in card:
        lines.append(
            f"Macro F1 on the validation windows of its training, by which settings were chosen: "
            f"{100 * card['validation_macro_f1']:.1f} %."
        )
    found = card.get("calibration")
    if found:
        lines.append(
            f"Its probabilities are calibrated (expected calibration error {100 * found['ece_after']:.1f} % on "
            f"{found['validation_windows']:,} validation windows, {100 * found['ece_before']:.1f} % before); what is "
            f'foreign is called "unknown", and so are {100 * found["false_unknowns"]:g} % of known windows there.'
        )
    student = card.get("distilled")
    if student:
        lines.append(
            f"{100 * student['same']:.1f} % of {student['n_held']:,} windows of {student['people_held']} people held "
            "out get its teacher's activity."
        )
    tested = card.get("about", {}).get("tested", ())
    if tested:
        lines += [
            "\nMacro F1 in percent on data sets that no training saw, with 95 % intervals over people:\n",
            "| data set | people | macro F1 | still, on foot, running | F1 of each |",
            "|---|---|---|---|---|",
            *map(_tested, tested),
        ]
    return ["## Figures\n", *lines, ""] if lines else []


def _tested(each: dict[str, Any]) -> str:
    without = f", without {', '.join(each['without'])}" if each["without"] else ""
    single = ", ".join(f"{name} {100 * score:.0f}" for name, score in each.get("per_class_f1", {}).items())
    fine = _score(each["macro_f1"], each["interval"])
    coarse = _score(each["coarse_macro_f1"], each.get("coarse_interval"))
    return f"| {_plain(each['dataset'] + without)} | {each['people']} | {fine} | {coarse} | {_plain(single)} |"


def _score(score: float, interval: dict[str, float] | None) -> str:
    between = f" ({100 * interval['low']:.1f} to {100 * interval['high']:.1f})" if interval else ""
    return f"{100 * score:.1f}{between}"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, in a line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
