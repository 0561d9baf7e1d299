"""The table of docs/features.md is made from the families of features; the test that fails prints it."""

from __future__ import annotations

import re
from pathlib import Path

from otolith.nets import HandmadeFeatures
from otolith.nets.families import FAMILIES, SOURCES, Family
from otolith.recording import CHANNELS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
FEATURES = HandmadeFeatures(CHANNELS, n_steps=30, rate_hz=30.0)


def members(family: Family) -> list[str]:
    """Names of a family's features in windows of six channels and one second."""
    signals, sensors = "|".join(FEATURES.signals), "acc|gyro"
    patterns = [p.replace("SIGNAL", f"({signals})").replace("SENSOR", f"({sensors})") for p in family.patterns]
    return [name for name in FEATURES.names if any(re.fullmatch(pattern, name) for pattern in patterns)]


def table() -> str:
    lines = ["| family | features | number | definition | used for activities by |", "|---|---|---|---|---|"]
    for family in FAMILIES:
        names = members(family)
        endings = dict.fromkeys(re.sub(f"^({'|'.join(FEATURES.signals)}|acc_gyro|acc|gyro)_", "", n) for n in names)
        shown = ", ".join(f"`{each}`" for each in endings)
        lines.append(f"| {family.title} | {shown} | {len(names)} | {family.definition} | {family.source or '–'} |")
    return "\n".join([*lines, f"| all | | {FEATURES.n_features} | | |"])


def sources() -> str:
    return "\n".join(f"- {authors}: {where}." for authors, where in SOURCES.items())


def test_the_table_is_that_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert table() in text, f"write into docs/features.md:\n{table()}"
    assert sources() in text, f"write into docs/features.md:\n{sources()}"


def test_every_feature_is_in_one_family() -> None:
    found = sorted(name for family in FAMILIES for name in members(family))
    assert found == sorted(FEATURES.names)
    assert len(set(FEATURES.names)) == FEATURES.n_features


def test_every_source_is_named_in_full() -> None:
    cited = {
        each for family in FAMILIES for each in re.findall(r"[\w -]+? (?:and [\w-]+|et al\.) \d{4}", family.source)
    }
    assert {each.strip() for each in cited} <= set(SOURCES)
    assert cited
