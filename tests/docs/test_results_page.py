"""docs/results.md says what the rows in results/ say, and results/ says where every folder of them comes from."""

import re
import runpy
from pathlib import Path

from results.queueing import cells

ROOT = Path(__file__).parents[2]


def test_the_page_is_drawn_from_the_rows() -> None:
    page = runpy.run_path(str(ROOT / "results" / "tables.py"), run_name="tables")
    assert (ROOT / "docs" / "results.md").read_text("utf-8") == page["text"](), "run: python results/tables.py"


def test_every_folder_of_rows_is_of_the_queue_or_has_its_command() -> None:
    readme = (ROOT / "results" / "README.md").read_text("utf-8")
    listed = {cell.folder for cell in cells.read(ROOT / "results" / "queue.toml")}
    folders = {rows.parent.name for rows in (ROOT / "results").glob("*/rows.jsonl")}
    assert folders
    assert not {name for name in folders - listed if f"`{name}`" not in readme}


def test_the_list_in_the_readme_is_one(tmp_path: Path) -> None:
    (text,) = re.findall("```toml\n(.*?)```", (ROOT / "results" / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "list.toml").write_text(text)
    found = cells.read(tmp_path / "list.toml")
    cells.check(found)
    assert len(found) == 4
