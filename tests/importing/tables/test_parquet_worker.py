"""A file that ends the process that decodes it, or keeps it busy, is refused, and the next one is read."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing.containers import worker
from otolith.importing.containers.worker import Undecodable
from otolith.importing.tables import parquet_worker
from otolith.importing.tables.parquet_worker import decoded, read_parquet


def parquet(rows: int = 3) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"x": [float(i) for i in range(rows)]}).write_parquet(out)
    return out.getvalue()


def process() -> int:
    return int(worker.in_worker(os.getpid))


def test_one_process_serves_many() -> None:
    first = process()
    assert first != os.getpid()
    for rows in (3, 5):
        assert read_parquet("t", parquet(rows)).numbers("x").tolist() == list(range(rows))
    with pytest.raises(Undecodable, match="5 rows of 1 columns, over the limit of 4 cells"):
        worker.in_worker(decoded, parquet(5), 4)
    with pytest.raises(DataError, match=r"^t: cannot be read as a Parquet file"):
        read_parquet("t", b"PAR1" + bytes(40) + b"PAR1")
    assert process() == first


def ends(content: bytes, most_cells: int) -> bytes:
    os.abort()


def sleeps(content: bytes, most_cells: int) -> bytes:
    time.sleep(60)
    return b""


@pytest.mark.parametrize(("work", "seconds", "why"), [(ends, 60, "ends the reader"), (sleeps, 0.2, "without end")])
def test_a_process_that_ends_or_never_answers_is_a_refusal(
    work: object, seconds: float, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = process()
    monkeypatch.setattr(parquet_worker, "decoded", work)
    monkeypatch.setattr(worker, "LONGEST_S", seconds)
    with pytest.raises(DataError, match=f"^t: .*{why}"):
        read_parquet("t", parquet())
    monkeypatch.undo()
    assert read_parquet("t", parquet()).height == 3
    assert process() != first


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_worker_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "import os; from otolith.importing.containers.worker import in_worker as ask; print(ask(os.getpid), flush=True)"
    )
    script += "; os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    until = time.monotonic() + 20
    while alive := Path(f"/proc/{int(done.stdout)}").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    assert not alive


def test_a_plain_script_may_read(tmp_path: Path) -> None:
    """The worker must not run the caller's script again, as multiprocessing's own processes do."""
    (tmp_path / "t.parquet").write_bytes(parquet())
    (tmp_path / "script.py").write_text(
        "from pathlib import Path\nfrom otolith.importing.tables.parquet_worker import read_parquet\n"
        "print(read_parquet('t', Path('t.parquet').read_bytes()).height)\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


CHILD = """
import multiprocessing
import sys

from otolith.importing.tables.parquet_worker import read_parquet


def read(path):
    with open(path, "rb") as file:
        assert read_parquet("t", file.read()).height == 3


if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=read, args=(sys.argv[1],))
    process.start()
    process.join(60)
    ended = not process.is_alive()
    process.kill()
    sys.exit(process.exitcode if ended else "it never ended")
"""


def test_a_process_of_multiprocessing_that_read_a_file_ends(tmp_path: Path) -> None:
    script, path = tmp_path / "child.py", tmp_path / "t.parquet"
    script.write_text(CHILD)
    path.write_bytes(parquet())
    done = subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
