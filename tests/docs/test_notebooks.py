"""The notebooks run, say what their files say, hold nothing of a machine, and link to what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed")

import nbformat

from docs import notebooks

MOST_BYTES = 150_000


def of(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Path], Any]]:
    """Executes a notebook, in one kernel for all."""
    with notebooks.kernel() as found:
        yield found


@pytest.mark.parametrize("path", notebooks.paths(), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_a_notebook_runs_and_says_what_its_file_says(path: Path, run: Callable[[Path], Any]) -> None:
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    assert notebooks.said(run(path)) == notebooks.said(of(path)), f"run: python docs/notebooks.py {path.stem}"


def test_there_are_four_of_them_and_the_docs_lead_to_each() -> None:
    pages = [notebooks.ROOT / "README.md", *(notebooks.ROOT / "docs").glob("*.md")]
    linked = set(re.findall(r"examples/notebooks/([\w-]+\.ipynb)", "".join(page.read_text("utf-8") for page in pages)))
    assert linked == {path.name for path in notebooks.paths()}
    assert len(linked) == 4


@pytest.mark.parametrize("path", notebooks.paths(), ids=lambda path: path.stem)
def test_a_file_is_small_whole_and_of_no_machine(path: Path) -> None:
    notebook = of(path)
    nbformat.validate(notebook)
    assert path.stat().st_size < MOST_BYTES
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count, f"{cell.source[:60]} was not executed"
            assert not [each for each in cell.outputs if each.output_type == "error"]
    text = path.read_text("utf-8")
    assert not re.search(r"/home/|/tmp|/root|/usr/|/work|C:\\\\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.\d+Z", text)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("path", notebooks.paths(), ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    text = "".join(cell.source for cell in of(path).cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_what_a_cell_says_is_compared_as_far_as_it_can_be_known() -> None:
    def cell(text: str, *tags: str) -> Any:
        output = nbformat.v4.new_output("stream", name="stdout", text=text)
        return nbformat.v4.new_code_cell("x", outputs=[output], metadata={"tags": list(tags)})

    def said(text: str, *tags: str) -> Any:
        return notebooks.said(nbformat.v4.new_notebook(cells=[cell(text, *tags)]))

    assert said("1.5 points") != said("1.6 points")
    assert said("1.5 points", "figures") == said("-21.66 points", "figures")
    assert said("1.5 points", "figures") != said("1.5 people", "figures")
    assert said("walk", "learnt") == said("sit", "learnt") != said("", "learnt")


def test_times_progress_and_colours_are_left_out() -> None:
    outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="predict: done in 2 s"),
        nbformat.v4.new_output("stream", name="stdout", text="\x1b[1mphone\x1b[0m   \nwalking"),
        nbformat.v4.new_output("display_data", data={"text/html": "<div>pretrain ✓ 2 s</div>", "text/plain": "x"}),
    ]
    cell = nbformat.v4.new_code_cell("x", outputs=outputs, metadata={"execution": {"iopub.execute_input": "2026"}})
    (clean,) = notebooks.cleaned(nbformat.v4.new_notebook(cells=[cell])).cells
    assert [each["text"] for each in clean.outputs] == ["phone\nwalking"]
    assert json.loads(json.dumps(clean.metadata)) == {}
