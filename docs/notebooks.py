"""Execute the notebooks of examples/notebooks in an empty folder, and write what their cells show into them.

    python docs/notebooks.py                all of them
    python docs/notebooks.py 02-week        those whose names begin so

Files hold no times, no progress and no place of the machine. Tests hold what cells say to the file word by word, but
for pictures, and for cells with a tag: `figures` is compared without its numbers, whose last digits depend on the
processor; of `learnt`, where a class may change with them, only that it says something.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "examples" / "notebooks"
SECONDS = 300
"""Most seconds of a cell, on a machine that is busy with other things."""


def paths() -> list[Path]:
    """Return the notebooks."""
    return sorted(FOLDER.glob("*.ipynb"))


def execute(path: Path) -> Any:
    """Return a notebook as it is after its execution in a new kernel.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    with kernel() as run:
        return run(path)


@contextmanager
def kernel() -> Iterator[Callable[[Path], Any]]:
    """Start a kernel, and give what executes a notebook in it, in an empty folder and without names of the one before.

    A second notebook waits for no imports. The kernel ends with the context.
    """
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        source = os.pathsep.join(part for part in (str(ROOT / "src"), os.environ.get("PYTHONPATH", "")) if part)
        own = {
            "PYTHONPATH": source,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "IPYTHONDIR": str(Path(place) / "ipython"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        left_out = {"OTOLITH_DATA", "OTOLITH_PROGRESS", "OTOLITH_PLUGINS"}
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        ipc = {} if os.name == "nt" else {"transport": "ipc", "ip": str(Path(place) / "kernel")}  # nobody else listens
        client = NotebookClient(
            nbformat.v4.new_notebook(),
            config=Config(KernelManager=ipc),
            coalesce_streams=True,
            kernel_name="python3",
            resources={"metadata": {"path": place}},
            timeout=SECONDS,
        )

        def run(path: Path) -> Any:
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            work, home = (Path(place) / path.stem / name for name in ("work", "home"))
            work.mkdir(parents=True)
            begin = f"import os\nos.chdir({str(work)!r})\nos.environ['OTOLITH_HOME'] = {str(home)!r}\n%reset -f"
            notebook.cells.insert(0, nbformat.v4.new_code_cell(begin))
            client.nb = notebook
            client.execute(env=kept | own, cleanup_kc=False)
            del notebook.cells[0]
            for number, cell in enumerate(each for each in notebook.cells if each.cell_type == "code"):
                for numbered in (cell, *(each for each in cell.outputs if each.output_type == "execute_result")):
                    numbered.execution_count = 1 + number
            return cleaned(notebook)

        try:
            yield run
        finally:
            client.nb = nbformat.v4.new_notebook()
            client.execute(env=kept | own, cleanup_kc=True)


def cleaned(notebook: Any) -> Any:
    """Return a notebook without what another execution would change: times, progress, names of the machine."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if not _is_progress(each)]
            for output in cell.outputs:
                output.pop("transient", None)
                if "text" in output:
                    output.text = re.sub(r"\x1b\[[\d;]*m|[ ]+$", "", output.text, flags=re.MULTILINE)
                if "metadata" in output:
                    output.metadata = {}
    return notebook


def _is_progress(output: Any) -> bool:
    """Tell if this is progress, which stands on stderr, and in a notebook in lines of HTML."""
    html = output.get("data", {}).get("text/html", "")
    return output.get("name") == "stderr" or (output.output_type == "display_data" and html.startswith("<div>"))


def said(notebook: Any) -> list[list[str]]:
    """Return for each code cell its source and the texts that it shows, in the form in which they are compared."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        texts = [cell.source]
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text") or data.get("text/html") or data.get("text/plain") or ""
            text = re.sub(r"<svg.*?</svg>", "<svg>", text, flags=re.DOTALL)
            tags = cell.metadata.get("tags", [])
            if any(kind.startswith("image/") for kind in data):
                text = "a picture"
            elif "learnt" in tags:
                text = "something" if text.strip() else ""
            texts.append(_masked(text) if "figures" in tags else text)
        found.append(texts)
    return found


def _masked(text: str) -> str:
    """Return a text without its numbers, and without what their lengths change: blanks and rules."""
    text = re.sub(r"[-−+]?\d[\d.,]*(e[-+]?\d+)?", "#", text)
    return re.sub(r"[\s─═┌┐└┘├┤┬┴┼╞╪╡…]+", " ", text)


def main(names: list[str]) -> None:
    """Execute notebooks, and write them."""
    import nbformat

    for path in paths():
        if not names or any(path.name.startswith(name) for name in names):
            nbformat.write(execute(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
