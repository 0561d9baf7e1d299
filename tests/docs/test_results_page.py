"""docs/results.md says what the rows in results/ say, and results/README.md names every folder of them."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_drawn_from_the_rows() -> None:
    page = runpy.run_path(str(ROOT / "results" / "tables.py"), run_name="tables")
    assert (ROOT / "docs" / "results.md").read_text("utf-8") == page["text"](), "run: python results/tables.py"


def test_every_folder_of_rows_has_its_command() -> None:
    readme = (ROOT / "results" / "README.md").read_text("utf-8")
    folders = {rows.parent.name for rows in (ROOT / "results").glob("*/rows.jsonl")}
    assert folders
    assert not {name for name in folders if f"`{name}`" not in readme}
