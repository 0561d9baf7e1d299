"""Tables and figures for papers: which cells are bold, what the forms say, and how wide the figures are."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest

from otolith.cli import main
from otolith.errors import DataError
from otolith.report import paper
from otolith.rows import Row, append

KEY = {"protocol": "representation", "dataset": "uci-har", "split": "fixed"}
PEOPLE = 8


def row(method: str, level: float, seed: int = 0, people: int = PEOPLE, spread: float = 0.002, **more: object) -> Row:
    """Subjects of their own difficulty, and a little chance on top."""
    chance = np.random.default_rng([seed, len(method)]).normal(0, spread, people)
    within = {str(i): float(level - 0.02 * i + chance[i]) for i in range(people)}
    result = {"macro_f1": float(np.mean(list(within.values()))), "per_subject": within, "metrics": {"kappa": level}}
    return Row(KEY | {"method": method, "seed": seed} | more, result, {"recipe_name": "compact"})


def bold(rows: list[Row], metric: str = "macro_f1") -> dict[str, list[bool | None]]:
    found = paper.table(rows, metric)
    return {name: [None if cell is None else cell.bold for cell in cells] for name, cells in found.lines}


def test_the_best_is_bold_and_what_the_interval_does_not_tell_from_it() -> None:
    rows = [row("dynamic", 0.90), row("csshar", 0.90, spread=0.01), row("random", 0.70)]
    assert bold(rows) == {"Dynamic temperature": [True], "CSSHAR": [True], "Random encoder": [False]}
    assert bold([row("dynamic", 0.80), row("csshar", 0.90)]) == {"Dynamic temperature": [False], "CSSHAR": [True]}


def test_without_an_interval_nothing_is_bold() -> None:
    few = [row("dynamic", 0.9, people=3), row("csshar", 0.5, people=3)]
    assert set(map(tuple, bold(few).values())) == {(False,)}
    assert set(map(tuple, bold([row("dynamic", 0.9), row("csshar", 0.5)], "kappa").values())) == {(False,)}
    assert bold([row("dynamic", 0.9)]) == {"Dynamic temperature": [False]}


def test_conditions_stand_beside_each_other_and_what_they_share_in_the_caption() -> None:
    rows = [row("dynamic", 0.9, seed) for seed in range(3)] + [
        row("dynamic", 0.6, dataset="usc-had"),
        row("csshar", 0.8),
    ]
    found = paper.table(rows)
    assert found.heads == ["UCI-HAR", "USC-HAD"]
    assert found.shared == "the authors' fixed subjects, compact recipe"
    (name, (first, second)), (_, (_, absent)) = found.lines
    assert (name, first is not None and first.n, second is not None and second.sd) == ("Dynamic temperature", 3, None)
    assert absent is None
    text = paper.markdown(found).splitlines()
    assert text[0].startswith("Macro F1 in percent, mean and standard deviation over runs; the authors' fixed subjects")
    assert re.fullmatch(r"\| Dynamic temperature \| \*\*\d+\.\d\*\* ± 0\.\d \| \d+\.\d \|", text[4])
    assert text[5].endswith("| – |")
    table = list(csv.DictReader(io.StringIO(paper.csv(found))))
    assert [line["method"] for line in table] == ["Dynamic temperature", "Dynamic temperature", "CSSHAR"]
    assert table[1]["condition"] == "USC-HAD, the authors' fixed subjects, compact recipe"
    assert float(table[0]["mean"]) == pytest.approx(np.mean([each.result["macro_f1"] for each in rows[:3]]))


def test_names_stay_text_in_latex() -> None:
    rows = [Row(KEY | {"dataset": "a_b & 50%", "method": "x_1{2}", "seed": 0}, {"macro_f1": 0.5})]
    text = paper.latex(paper.table(rows))
    assert r"a\_b \& 50\%" in text
    assert r"x\_1\{2\} & 50.0 \\" in text
    assert text.count(r"\begin{tabular}{lr}") == text.count(r"\end{tabular}") == 1
    with pytest.raises(DataError, match="unknown metric 'kapa'"):
        paper.table(rows, "kapa")


def test_the_command_prints_or_writes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for each in (row("dynamic", 0.9), row("csshar", 0.6)):
        append(tmp_path / "rows.jsonl", each)
    run = str(tmp_path)
    assert main(["report", run, "--latex", "--metric", "kappa"]) == 0
    assert "Cohen's kappa, mean" in capsys.readouterr().out
    assert main(["report", run, "--markdown", "--out", str(tmp_path / "t.md")]) == 0
    assert "**" in (tmp_path / "t.md").read_text("utf-8")
    assert main(["report", run, "--csv", "--out", str(tmp_path / "t.md")]) == 2
    assert main(["report", run, "--csv", "--latex"]) == 2
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(("width", "points"), [("column", 252.0), ("page", 515.52)])
def test_figures_have_the_width_of_a_column_or_a_page(tmp_path: Path, width: str, points: float) -> None:
    for each in (row("dynamic", 0.9), row("csshar", 0.6)):
        append(tmp_path / "rows.jsonl", each)
    assert main(["report", str(tmp_path), "--figures", str(tmp_path / "figures"), "--width", width]) == 0
    drawn = sorted((tmp_path / "figures").glob("*.pdf"))
    assert [path.name.split("-uci-har")[0] for path in drawn] == [
        "comparison-of-methods",
        "macro-f1-of-each-test-subject-under-each-method",
    ]
    for path in drawn:
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", path.read_bytes())
        assert box is not None
        assert float(box[1]) == pytest.approx(points, abs=0.01)
        assert f'width="{points:g}pt"' in path.with_suffix(".svg").read_text("utf-8")
