"""The table of the cost protocol: means over seeds, one table for each machine, the ratio to CSSHAR."""

from pathlib import Path
from typing import Any

import pytest

from otolith.protocols import cost, sections
from otolith.report import write, write_tables
from otolith.report.sections import Table, Words, in_order
from otolith.rows import Row, append


def timed(method: str, seed: int, spent: dict[str, Any], threads: int = 2) -> Row:
    key = {"protocol": "cost", "dataset": "uci-har", "recipe": "abc", "method": method, "seed": seed}
    environment = {"processor": "CPU", "threads": threads, "gpu": None}
    meta = {"seconds_per_epoch": spent, "recipe_name": "compact", "environment": environment}
    return Row(key, {"parameters": 164448, "epochs": 2}, meta)


ROWS = [
    timed("dynamic", 0, {"autoencoder": 1.0, "pretrain": 5.0, "finetune": 1.0}),
    timed("dynamic", 1, {"autoencoder": 2.0, "pretrain": 9.0, "finetune": 1.0}),
    timed("csshar", 0, {"pretrain": 4.0, "finetune": 1.0}),
    timed("random", 0, {"finetune": 1.0}),
]


def test_the_table_holds_means_over_seeds_and_the_ratio_of_section_v() -> None:
    (found,) = sections(ROWS)
    assert found.title == "Seconds of an epoch: UCI-HAR, compact recipe, CPU, 2 threads"
    names = ["Method", "Parameters", "Autoencoder (s)", "Pre-training (s)", "Fine-tuning (s)", "Against CSSHAR"]
    table, words = found.blocks
    assert isinstance(table, Table)
    assert words == Words(cost.PUBLISHED)
    assert table.header == names
    assert table.lines == [
        ["Dynamic temperature", "164,448", "1.50", "7.00", "1.00", "1.75x"],
        ["CSSHAR", "164,448", "–", "4.00", "1.00", "1.00x"],
        ["Random encoder", "164,448", "–", "–", "1.00", "–"],
    ]


def test_times_of_two_machines_never_stand_in_one_table() -> None:
    found = in_order(sections([*ROWS, timed("csshar", 0, {"pretrain": 8.0}, threads=1)]))
    assert [each.title.split(", ")[-1] for each in found] == ["1 thread", "2 threads"]


@pytest.mark.parametrize("spent", [{}, {"pretrain": -1.0}, {"pretrain": "quick"}, {"pretrain": True}, None])
def test_a_row_without_times_is_left_out(spent: Any) -> None:
    assert sections([timed("dynamic", 0, spent)]) == []


def test_page_and_tables_of_a_comparison_show_it(tmp_path: Path) -> None:
    for row in ROWS:
        append(tmp_path / "rows.jsonl", row)
    write_tables([tmp_path], tmp_path, sections)
    page = write([tmp_path], tmp_path / "report.html", sections).read_text("utf-8")
    for text in (page, (tmp_path / "report.md").read_text("utf-8")):
        assert "Seconds of an epoch: UCI-HAR, compact recipe, CPU, 2 threads" in text
        assert "1.75x" in text
    assert "4 results of 1 run" in page
    assert "Comparison: UCI-HAR" in page
