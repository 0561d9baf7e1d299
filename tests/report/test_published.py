"""The paper's figures as printed, and found by data set, method and protocol."""

from __future__ import annotations

import pytest

from otolith.report.published import PUBLISHED, beside


def test_all_figures_of_the_four_tables() -> None:
    assert [sum(p.table == f"Table {n}" for p in PUBLISHED) for n in ("I", "II", "III", "IV")] == [
        6,
        18,
        9,
        12,
    ]
    assert all(0.3 < p.macro_f1 < 0.96 for p in PUBLISHED)


@pytest.mark.parametrize(
    ("dataset", "method", "protocol", "expected"),
    [
        ("uci-har", "dynamic", "representation", [(0.93, "Table I")]),
        ("usc-had", "dynamic", "representation", [(0.5578, "Table I"), (0.5647, "Table II")]),
        ("mobiact", "csshar", "representation", [(0.8113, "Table II")]),
        ("uci-har", "cpc", "cross-validation", [(0.8822, "Table III")]),
        ("usc-had", "autoencoder", "transfer", [(0.5166, "Table IV")]),
        ("watch", "dynamic", "representation", []),
        ("uci-har", "random", "representation", []),
    ],
)
def test_beside(dataset: str, method: str, protocol: str, expected: list[tuple[float, str]]) -> None:
    assert [(p.macro_f1, p.table) for p in beside(dataset, method, protocol)] == expected
