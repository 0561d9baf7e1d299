"""One self-contained report.html from run folders: no network, no script, for phone and laptop.

The page computes nothing but pictures: scores come from rows, embeddings and similarities from arrays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from otolith import __version__, methods
from otolith.report import groups, names, pictures, published
from otolith.report.answers import answers
from otolith.report.folder import RunFolder
from otolith.report.sections import Section
from otolith.rows import Row

_MOST_PICTURED = 12


def page(runs: Sequence[RunFolder], rows: Sequence[Row], sections: Sequence[Section], problems: Sequence[str]) -> str:
    """Return the page of one run, or of several results beside each other; `rows` are the scored ones."""
    shown = {id(row) for each in sections for row in each.rows}
    if len(runs) == 1 and len(rows) <= 1 and not any(id(row) in shown for row in runs[0].unscored):
        name, content = "single.html.j2", _single(runs[0])
    else:
        name, content = "comparison.html.j2", _comparison(runs, rows, sections, problems)
    return environment().get_template(name).render(content, version=__version__, caveat=published.CAVEAT)


@cache
def environment() -> Environment:
    """Return the templates of all pages, each of which is compiled once."""
    found = Environment(
        loader=PackageLoader("otolith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["percent"] = names.percent
    found.filters["natural"] = lambda items: sorted(items, key=names.natural)
    return found


def _parts(row: Row | None) -> dict[str, dict[str, int | None]]:
    """{train, val, test: {windows, subjects}} where a row's meta gives them."""
    split = row.meta.get("split") if row is not None else None
    found: dict[str, dict[str, int | None]] = {}
    for name, part in split.items() if isinstance(split, dict) else ():
        if isinstance(part, dict) and isinstance(part.get("windows"), int):
            people = part.get("subjects")
            found[name] = {"windows": part["windows"], "subjects": people if isinstance(people, int) else None}
    return found


def _card(card: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what the page shows of a model card (`otolith.model.bundle`); absent parts are None or empty."""
    if card is None:
        return None
    given, data = _section(card, "input"), _section(card, "data")
    channels, units = given.get("channels"), given.get("units")
    inputs = []
    if isinstance(channels, list):
        known = units if isinstance(units, list) and len(units) == len(channels) else [None] * len(channels)
        inputs = [f"{c} ({u})" if u else str(c) for c, u in zip(channels, known, strict=True)]
    return {
        "inputs": inputs,
        "steps": given.get("steps"),
        "rate_hz": given.get("rate_hz"),
        "seconds": given.get("seconds"),
        "activities": card.get("activities") or data.get("activities"),
        "texts": _terms_of(data),
    }


def _section(card: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """A table of a card, empty where it is absent or something else."""
    found = (card or {}).get(name)
    return found if isinstance(found, dict) else {}


def _terms_of(data: Mapping[str, Any]) -> list[str]:
    """Return terms, licence and citation of a card's data, as far as it has them."""
    licence = data.get("licence")
    texts = [data.get("terms"), f"Licence: {licence}" if licence else None, data.get("citation")]
    return [str(text) for text in texts if text]


def _choice(row: Row | None) -> dict[str, Any] | None:
    """Return the way to use labels that a run chose, and each candidate's score, the best first; None where a row's
    meta does not say."""
    found = row.meta.get("choice") if row is not None else None
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    scores = found.get("scores")
    known = {
        str(name): float(score)
        for name, score in (scores.items() if isinstance(scores, dict) else ())
        if isinstance(score, int | float) and 0 <= score <= 1
    }
    labels = found.get("labels")
    return {
        "name": found["name"],
        "by": found.get("by"),
        "labels": labels if isinstance(labels, int | float) else None,
        "scores": known,
        "is_best": known.get(found["name"], 1.0) >= max(known.values(), default=0.0),
        "scores_shown": [(name, names.percent(known[name])) for name in sorted(known, key=lambda name: -known[name])],
    }


def _seconds(row: Row | None) -> list[tuple[str, str]]:
    spent = row.meta.get("seconds") if row is not None else None
    titles = {**names.STAGES, "evaluate": "Evaluation"}
    return [
        (titles.get(str(stage), str(stage)), f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min")
        for stage, value in (spent.items() if isinstance(spent, dict) else ())
        if isinstance(value, int | float)
    ]


def _recipe_text(run: RunFolder) -> str | None:
    if run.recipe_text is not None:
        return run.recipe_text
    return json.dumps(run.recipe, indent=2, ensure_ascii=False) if run.recipe is not None else None


def _single(run: RunFolder) -> dict[str, Any]:
    row = run.rows[0] if run.rows else None
    key, result = (row.key, row.result) if row is not None else ({}, {})
    card = run.card or {}
    dataset = str(key.get("dataset") or _section(card, "data").get("dataset") or "Run")
    method = str(key.get("method") or card.get("method") or "")
    spec = methods.spec(method) if method in methods.names() else None
    warnings = groups.warnings_of(run.rows)
    interval_note = result.get("interval_note")
    return {
        "dataset": names.dataset_title(dataset),
        "method_title": names.method_title(method),
        "story": spec.story if spec else "",
        "end_to_end": spec is not None and spec.end_to_end,
        "own_head": spec is not None and spec.own_head,
        "pretrained": spec is None or spec.pretrained,
        "given": str(key.get("encoder") or "").partition(" ")[0],
        "trained": _section(card, "finetune").get("encoder") == "trained",
        "kept_last": _section(card, "finetune").get("keep") == "last",
        "converged": _section(card, "finetune").get("solver") == "lbfgs",
        "split": names.split_title(str(key.get("split", "?"))),
        "conditions": groups.conditions(key),
        "row": row,
        "result": result,
        "key": key,
        "interval": result.get("interval"),
        "notes": [note for note in groups.notes_of(run.rows) if note != interval_note],
        "warnings": warnings,
        "new_people": not warnings,
        "problems": run.problems,
        "parts": _parts(row),
        "recipe_name": groups.recipe_name(row) if row is not None else "",
        "recipe_text": _recipe_text(run),
        "environment": run.environment or {},
        "seconds": _seconds(row),
        "choice": _choice(row),
        "card": _card(run.card),
        "published": groups.published_beside(key),
        "scores": list(pictures.scores(row)) if row is not None else [],
        "subjects": pictures.subjects(row) if row is not None else None,
        "embeddings": list(pictures.embeddings(run)),
        "teacher": list(pictures.teacher(run)),
        "curves": list(pictures.curves(run)),
    }


def _comparison(
    runs: Sequence[RunFolder], rows: Sequence[Row], sections: Sequence[Section], problems: Sequence[str]
) -> dict[str, Any]:
    shown = {id(row): row for each in sections for row in each.rows}
    datasets = dict.fromkeys(str(row.key.get("dataset", "?")) for row in shown.values())
    return {
        "n_rows": len(shown),
        "answers": answers(groups.group([row for row in rows if id(row) in shown])),
        "datasets": names.listed(map(names.dataset_title, datasets)),
        "problems": problems,
        "sections": sections,
        "scored": bool(rows),
        "grid": list(pictures.grid(runs)),
        "terms": _terms(runs),
        "have_models": any(run.card for run in runs),
        "runs": [_run_content(run, [*run.rows, *(row for row in run.unscored if id(row) in shown)]) for run in runs],
    }


def _terms(runs: Sequence[RunFolder]) -> list[tuple[str, list[str]]]:
    """Each data set with what its model cards say about terms, licence and citation, each text once."""
    found: dict[str, list[str]] = {}
    for run in runs:
        data = _section(run.card, "data")
        place = found.setdefault(names.dataset_title(str(data.get("dataset", "?"))), [])
        place += [text for text in _terms_of(data) if text not in place]
    return [(name, texts) for name, texts in found.items() if texts]


def _run_content(run: RunFolder, rows: Sequence[Row]) -> dict[str, Any]:
    """The pictures of one run within a comparison, and what it ran on."""
    # A folder of a protocol with many cells would drown the page; its scores are in the tables.
    pictured = run.rows if len(run.rows) <= _MOST_PICTURED else []
    found = [item for row in pictured for item in pictures.scores(row)]
    found += [*pictures.teacher(run), *pictures.curves(run)]
    only = run.rows[0] if len(run.rows) == 1 else None
    methods = dict.fromkeys(names.method_title(str(row.key.get("method", "?"))) for row in rows)
    return {
        "name": run.name,
        "title": pictures.condition(only) if only is not None else f"{len(rows)} results",
        "method": names.listed(methods),
        "macro_f1": only.result["macro_f1"] if only is not None else None,
        "pictures": found,
        "recipe_text": _recipe_text(run),
        "environment": run.environment or {},
    }
