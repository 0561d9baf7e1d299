"""Tables: rows are grouped by what may be compared, and nothing in a name changes the table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from otolith.report import groups, sections, write_tables
from otolith.report.folder import load
from otolith.report.names import natural
from otolith.rows import Row, append


def row(method: str, seed: int, score: float, **key: Any) -> Row:
    full = {"dataset": "uci-har", "split": "fixed", "recipe": "aaa", "method": method, "seed": seed} | key
    return Row(full, {"macro_f1": score, "per_subject": {"2": score, "10": score / 2}}, {"recipe_name": "compact"})


def test_lines_of_one_group_in_the_papers_order() -> None:
    rows = [row("random", 0, 0.5), row("dynamic", 1, 0.9), row("dynamic", 0, 0.8), row("angular", 0, 0.7)]
    (group,) = groups.group(rows)
    assert [line.method for line in group.lines] == ["dynamic", "angular", "random"]
    first = group.lines[0]
    assert (first.seeds, first.spread["mean"], first.spread["n"]) == ("seeds 0, 1", pytest.approx(0.85), 2)
    assert first.per_subject == {"2": [0.8, 0.9], "10": [0.4, 0.45]}
    assert [p.macro_f1 for p in first.published] == [0.93]
    assert group.subjects == ["2", "10"]
    assert group.title == "UCI-HAR, the authors' fixed subjects, compact recipe"
    assert sections.summary_cells(group, first) == [
        "Dynamic temperature",
        "seeds 0, 1",
        "85.0",
        "80.0–90.0",
        "7.1",
        "93.0 (Table I)",
    ]
    assert sections.subject_cells(group, "10") == ["10", "42.5", "35.0", "25.0"]


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "usc-had"},
        {"split": "holdout"},
        {"k": 5},
        {"protocol": "transfer", "source": "mobifall"},
        {"unlabelled": ["mine"]},
        {"split_seed": 0},
    ],
)
def test_what_may_not_be_compared_stands_apart(other: dict[str, Any]) -> None:
    assert len(groups.group([row("dynamic", 0, 0.9), row("dynamic", 0, 0.8, **other)])) == 2


def test_only_columns_that_tell_runs_apart() -> None:
    header, lines = sections.every_run([row("dynamic", 0, 0.9, k=5, draw=3), row("dynamic", 1, 0.8, k=5, draw=None)])
    assert header[:4] == ["Method", "Seed", "Draw", "Macro F1 (%)"]
    assert [line[:4] for line in lines] == [
        ["Dynamic temperature", "0", "3", "90.0"],
        ["Dynamic temperature", "1", "–", "80.0"],
    ]
    assert all(len(line) == len(header) for line in lines)


def test_the_table_of_runs_names_what_each_chose() -> None:
    plain, chosen = row("dynamic", 0, 0.9), row("dynamic", 1, 0.8)
    chosen = Row(chosen.key, chosen.result, chosen.meta | {"choice": {"name": "vote", "by": "labels"}})
    header, lines = sections.every_run([plain, chosen])
    assert header[-1] == "Chosen"
    assert [line[-1] for line in lines] == ["–", "vote"]
    assert "Chosen" not in sections.every_run([plain])[0]


def test_paper_and_compact_recipes_stand_apart() -> None:
    paper = Row(row("dynamic", 0, 0.9).key | {"recipe": "bbb"}, {"macro_f1": 0.9}, {"recipe_name": "paper"})
    assert [g.recipe_name for g in groups.group([row("dynamic", 0, 0.8), paper])] == ["compact", "paper"]


def test_two_recipes_of_one_method_are_told_apart() -> None:
    (group,) = groups.group([row("dynamic", 0, 0.9), row("dynamic", 0, 0.8, recipe="bbb")])
    assert [group.label(line) for line in group.lines] == [
        "Dynamic temperature (aaa)",
        "Dynamic temperature (bbb)",
    ]


def test_the_papers_figures_stand_only_beside_its_own_subjects() -> None:
    assert groups.published_beside(row("dynamic", 0, 0.9).key)
    assert not groups.published_beside(row("dynamic", 0, 0.9, split="holdout").key)
    folds = row("dynamic", 0, 0.9, split="fold", fold=1, protocol="cross-validation").key
    assert [p.table for p in groups.published_beside(folds)] == ["Table III"]


def test_conditions_say_what_differs_and_nothing_else() -> None:
    key = row("dynamic", 0, 0.9, k=5, split_seed=0, fold=None, unlabelled=[], quick=True, source="mobi").key
    assert groups.conditions(key) == "k 5, quick, source mobi, split seed 0"


def test_files_hold_every_row_and_mean(tmp_path: Path, make_run: Any) -> None:
    runs = [make_run(tmp_path / f"r{seed}", seed=seed, rows_only=True) for seed in (0, 1)]
    (tmp_path / "tables").mkdir()
    written = write_tables(runs, tmp_path / "tables")
    assert [path.name for path in written] == ["report.md", "rows.csv", "summary.csv", "subjects.csv"]
    rows, summary, subjects = (
        list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) for path in written[1:]
    )
    scores = [load(run).rows[0].result for run in runs]
    assert [float(line["macro_f1"]) for line in rows] == [score["macro_f1"] for score in scores]
    assert float(rows[0]["interval_low"]) == scores[0]["interval"]["low"]
    assert float(summary[0]["mean"]) == pytest.approx(sum(s["macro_f1"] for s in scores) / 2)
    assert summary[0]["runs"] == "seeds 0, 1"
    assert len(subjects) == 12
    text = written[0].read_text(encoding="utf-8")
    assert "93.0 (Table I)" in text
    assert "prints neither seeds nor intervals" in text
    assert [path for path in (tmp_path / "tables").iterdir() if path.name.startswith(".")] == []


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "=cmd|'/c calc'|<script>`x`*[a](b)\n| extra"
    append(tmp_path / "rows.jsonl", row("dynamic", 0, 0.9, dataset=name))
    (tmp_path / "out").mkdir()
    written = write_tables([tmp_path], tmp_path / "out")
    text = written[0].read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "[a](b)" not in text
    (heading,) = [line for line in text.splitlines() if line.startswith("## ")]
    assert "extra" in heading
    first = list(csv.reader(written[1].read_text(encoding="utf-8").splitlines(keepends=True)))[1]
    assert "'=cmd|'/c calc'|<script>`x`*[a](b)\n| extra" in first


def test_folders_that_disagree_are_named(tmp_path: Path) -> None:
    for name, score in (("a", 0.5), ("b", 0.6)):
        (tmp_path / name).mkdir(exist_ok=True)
        append(tmp_path / name / "rows.jsonl", row("dynamic", 0, score))
    rows, problems = groups.gather([load(tmp_path / "a"), load(tmp_path / "b")])
    assert [r.result["macro_f1"] for r in rows] == [0.6]
    assert "a and b hold different results" in problems[0]
    assert groups.gather([load(tmp_path / "a")] * 2) == (load(tmp_path / "a").rows, [])


def test_subjects_are_sorted_as_people_count() -> None:
    assert sorted(["10", "9", "a2", "a10", "", "9" * 5000], key=natural) == [
        "",
        "9",
        "10",
        "9" * 5000,
        "a2",
        "a10",
    ]
