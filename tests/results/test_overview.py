"""The overview of docs/results.md: figures by hand from a few rows, and what is open shown as open."""

from __future__ import annotations

import dataclasses
from typing import Any

from otolith.rows import Row
from results import overview
from results.queueing.cells import Cell


def cell(protocol: str, method: str, seed: int = 0, **options: Any) -> Cell:
    return Cell(protocol, "uci-har", method, "compact", seed, {}, options)


def row(of: Cell, score: float, *, recipe: str = "", meta: dict[str, Any] | None = None, **more: Any) -> Row:
    key = {"protocol": of.spec.in_rows, "dataset": of.dataset, "split": "fixed", "method": of.method, "seed": of.seed}
    key |= {"recipe": recipe or of.resolved.hash, "fold": None, "k": None} | more
    key |= {"stop": "last"} if of.protocol == "few-labels" else {}
    interval = {"low": score - 0.1, "high": score + 0.1}
    return Row(key, {"macro_f1": score, "interval": interval if of.seed < 2 else None}, meta or {})


def line(text: str, method: str) -> list[str]:
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {method} ")]
    return [part.strip() for part in found.strip("|").split("|")]


def test_a_line_holds_the_means_of_its_rows() -> None:
    plain = [cell("representation", "random", seed) for seed in (0, 1)]
    few = cell("few-labels", "random", k=[1, 5], draws=3)
    folded = cell("cross-validation", "random")
    other = cell("representation", "dynamic")
    spent = {"seconds": {"pretrain": 10.0, "finetune": 5.0, "evaluate": 100.0}}
    found = {
        plain[0].folder: [
            row(plain[0], 0.5, meta=spent),
            row(plain[1], 0.7),
            row(plain[0], 0.9, recipe="0" * 12),
            row(other, 0.55),
        ],
        few.folder: [row(few, score, k=1, draw=draw) for draw, score in enumerate((0.2, 0.3, 0.4))],
        folded.folder: [row(folded, 0.8, split="fold", fold=0)],
    }
    text = overview.text([*plain, few, folded, other], found)
    assert "## All methods: UCI-HAR, the authors' fixed subjects, windows of 1 s\n" in text
    assert "7 of 14 rows of the list are there." in text
    # 95 % interval of 0.2, 0.3, 0.4: Student's t with 2 degrees of freedom, 4.303 * 0.1 / sqrt(3)
    many = [
        "Random encoder",
        "compact",
        "**60.0 (50.0–70.0)**",
        "0, 1",
        "30.0 ± 24.8 (3)",
        "open",
        "80.0 (1 of 5)",
        "15",
    ]
    assert line(text, "Random encoder") == many
    one = ["Dynamic temperature", "compact", "55.0 (45.0–65.0)", "0", "–", "–", "–", "open"]
    assert line(text, "Dynamic temperature") == one


def test_an_interval_is_shown_only_where_every_row_has_one() -> None:
    cells = [cell("representation", "random", seed) for seed in (0, 2)]
    found = {cells[0].folder: [row(each, 0.5) for each in cells]}
    assert line(overview.text(cells, found), "Random encoder")[2] == "50.0"


def test_a_table_without_rows_is_open() -> None:
    assert line(overview.text([cell("representation", "random")], {}), "Random encoder")[2:] == [
        "open",
        "–",
        "–",
        "open",
    ]
    assert overview.text([], {}) == ""


def test_windows_of_another_length_stand_in_a_table_of_their_own() -> None:
    plain = cell("representation", "random")
    longer = dataclasses.replace(plain, changes={"windows.seconds": 2.56})
    other = dataclasses.replace(plain, dataset="usc-had")
    text = overview.text([longer, other, plain], {longer.folder: [row(longer, 0.9)], plain.folder: [row(plain, 0.5)]})
    assert [part for part in text.splitlines() if part.startswith("## ")] == [
        "## All methods: UCI-HAR, the authors' fixed subjects, windows of 1 s",
        "## All methods: UCI-HAR, the authors' fixed subjects, windows of 2.56 s",
        "## All methods: USC-HAD, windows of 1 s",
    ]
    assert f"\nRecipes with values of their own: compact, seconds=2.56 (`{longer.recipe_name}`).\n" in text
    first, second, _ = (part for part in text.splitlines() if part.startswith("| Random"))
    assert "| 50.0 (40.0–60.0) |" in first
    assert "| compact, seconds=2.56 | 90.0 (80.0–100.0) |" in second
