"""Result rows: what goes in comes out, and what a killed or hostile process leaves does no harm."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from otolith import metrics, rows
from otolith.errors import DataError
from otolith.rows import Row


def row(seed: int = 0, **result: object) -> Row:
    return Row(key={"dataset": "watch", "method": "dynamic", "seed": seed}, result=result or {"macro_f1": 0.5})


def test_round_trip_with_numpy_values(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    first = Row(
        key={"dataset": "watch", "k": None, "seed": np.int64(3)},
        result={
            "macro_f1": np.float64(0.1) + 0.2,
            "confusion": np.eye(2, dtype=np.int64),
            "pair": (1, "ü\n"),
        },
        meta={"seconds": np.float32(1.5), "ok": True},
    )
    rows.append(path, first)
    rows.append(path, row(1))
    assert rows.read(path) == [first, row(1)]
    assert first.result["confusion"] == [[1, 0], [0, 1]]
    assert [json.loads(line)["schema"] for line in path.read_text(encoding="utf-8").splitlines()] == [1, 1]


def test_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert rows.read(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("result", {"a": {"b": [1.0, float("nan")]}}, r"result\.a\.b\[1\] is nan"),
        ("result", {"a": np.array([np.inf])}, r"result\.a\[0\] is inf"),
        ("result", {1: "a"}, "has the name 1"),
        ("result", {"a": 2**63}, "more than 64 bits"),
        ("result", {"a": "\ud800"}, "not valid Unicode text"),
        ("meta", {"\ud800": 1}, "not valid Unicode text"),
        ("result", {"a": object()}, "is a object"),
        ("result", [1], "result is a list"),
        ("key", {"dataset": "/home/someone/data"}, r"key\.dataset is an absolute path"),
        ("meta", {"data": ["C:\\Users\\someone"]}, r"meta\.data\[0\] is an absolute path"),
    ],
)
def test_refuses_what_json_or_privacy_forbids(part: str, value: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Row(**({"key": {}, "result": {}, "meta": {}} | {part: value}))  # type: ignore[arg-type]


def test_torn_last_line_is_reported_then_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "rows.jsonl"
    rows.append(path, row(0))
    rows.append(path, row(1))
    whole = path.read_bytes()
    for cut in range(len(whole) // 2 + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        found = rows.scan(path)
        assert found.rows == [row(0)]
        assert [(d.line, d.torn) for d in found.damage] == [(2, True)]
    with caplog.at_level(logging.WARNING):
        assert rows.read(path) == [row(0)]
        rows.append(path, row(2))
    assert "line 2, is skipped" in caplog.text
    assert "was dropped" in caplog.text
    assert rows.scan(path) == rows.Scan([row(0), row(2)], [])


def test_whole_last_line_without_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows.append(path, row(0))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert rows.read(path) == [row(0)]
    rows.append(path, row(1))
    assert rows.scan(path) == rows.Scan([row(0), row(1)], [])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"schema": 1, "key": {', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1, 2]", "not a row"),
        (b"[" * 100_000, "not JSON"),
        (b'{"schema": 1, "key": {}, "meta": {}, "result": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}", "recursion"),
        (b'{"schema": 1, "key": {}, "result": 3, "meta": {}}', "not a row"),
        (b'{"schema": 1, "key": {}, "result": {}, "meta": {}, "extra": 1}', "'extra'"),
        (b'{"schema": 1, "key": {}, "result": {"f": NaN}, "meta": {}}', "NaN"),
        (b'{"schema": 1, "key": {}, "result": {"f": 1e999}, "meta": {}}', "too large"),
    ],
)
def test_damaged_line_is_named_and_the_others_kept(tmp_path: Path, line: bytes, words: str) -> None:
    path = tmp_path / "rows.jsonl"
    rows.append(path, row(0))
    path.write_bytes(path.read_bytes() + line + b"\n")
    rows.append(path, row(1))
    found = rows.scan(path)
    assert found.rows == [row(0), row(1)]
    (damage,) = found.damage
    assert (damage.line, damage.torn) == (2, False)
    assert words in damage.reason


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"schema": 2, "key": {}, "result": {}, "meta": {}}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 1, has row schema 2; this otolith reads schema 1"):
        rows.read(path)


def test_find_and_latest_take_the_last_of_equal_keys() -> None:
    all_rows = [row(0, f=1), row(1, f=2), row(0, f=3)]
    assert rows.find(all_rows, {"seed": np.int64(0), "method": "dynamic", "dataset": "watch"}) == row(0, f=3)
    assert rows.find(all_rows, {"seed": 0}) is None
    assert rows.latest(all_rows) == [row(0, f=3), row(1, f=2)]


def test_hashes_know_content_not_order() -> None:
    assert rows.recipe_hash({"a": 1, "b": {"c": [1, 2], "d": None}}) == rows.recipe_hash(
        {"b": {"d": None, "c": (1, 2)}, "a": np.int64(1)}
    )
    assert rows.recipe_hash({"a": 1}) != rows.recipe_hash({"a": 2})
    assert rows.recipe_hash({"a": [1, 2]}) != rows.recipe_hash({"a": [2, 1]})
    # Pinned: a change of the canonical form would make every old row a stranger.
    assert rows.recipe_hash({"tau": 0.1, "name": "ü"}) == "175e339f95e4"
    with pytest.raises(DataError):
        rows.recipe_hash({"a": float("nan")})


def test_two_processes_append_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    code = (
        "import sys\n"
        "from otolith.rows import Row, append\n"
        "for i in range(40):\n"
        "    append(sys.argv[1], Row({'worker': sys.argv[2], 'i': i}, {'filler': 'x' * 9000}))\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0]
    found = rows.scan(path)
    assert found.damage == []
    for name in "ab":
        assert [r.key["i"] for r in found.rows if r.key["worker"] == name] == list(range(40))


def test_failed_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    rows.append(path, row(0))
    real_write = os.write

    def half(descriptor: int, data: bytes) -> int:
        return real_write(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(DataError, match="cannot add a row"):
            rows.append(path, row(1))
    assert rows.scan(path) == rows.Scan([row(0)], [])
    with pytest.raises(DataError, match="cannot add a row"):
        rows.append(tmp_path, row(1))


@pytest.mark.parametrize("part", ["macro_f1", "seed"])
def test_a_figure_that_changed_is_found_by_its_line(
    part: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rows.jsonl"
    for seed in range(3):
        rows.append(path, row(seed))
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace('"macro_f1": 0.5' if part == "macro_f1" else '"seed": 1', f'"{part}": 7')
    path.write_text("\n".join(lines) + "\n")
    assert rows.scan(path).damage == [
        rows.Damage(2, "its checksum does not match: something has changed it since it was written")
    ]
    assert rows.read(path) == [row(0), row(2)]
    assert f"{path}, line 2, is skipped: its checksum" in caplog.text


def test_rows_from_before_checksums_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows.append(path, row(0))
    line = json.loads(path.read_text())
    del line["check"]
    path.write_text(json.dumps(line) + "\n")
    assert rows.scan(path) == rows.Scan([row(0)], [])


def test_the_docs_example_is_a_row(tmp_path: Path) -> None:
    docs = Path(__file__).parents[2] / "docs" / "rows.md"
    (line,) = [line for line in docs.read_text(encoding="utf-8").splitlines() if line.startswith('{"schema"')]
    assert '"check"' in line
    (tmp_path / "rows.jsonl").write_text(line + "\n")
    found = rows.scan(tmp_path / "rows.jsonl")
    assert (len(found.rows), found.damage) == (1, [])


def test_docs_list_every_name_that_a_row_holds() -> None:
    """docs/rows.md is the schema, so it must know what `evaluate` and `environment` write."""
    docs = Path(__file__).parents[2] / "docs" / "rows.md"
    text = docs.read_text(encoding="utf-8")
    scored = metrics.evaluate([0, 1], [0, 1], [1, 2], ("a", "b"), [0, 1])
    teacher = metrics.teacher_separation(np.eye(4), [0, 0, 1, 1])
    for name in (*scored, *teacher, *teacher["histogram"]):
        assert f"`{name}`" in text


def test_environment_names_versions_and_nothing_private() -> None:
    import getpass
    import socket

    found = rows.environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["numpy"] == np.__version__
    assert found["cores"] >= 1
    assert found["processor"]
    text = json.dumps(found)
    assert socket.gethostname() not in text
    assert str(Path.home()) not in text
    assert f'"{getpass.getuser()}"' not in text
    Row(key={}, result={}, meta=found)


def test_a_checkout_names_its_commit_and_whether_files_differ(tmp_path: Path) -> None:
    """The package is copied into a repository of its own, where a commit and a change are the test's."""
    package = Path(rows.__file__).parents[1]
    shutil.copytree(package, tmp_path / "src" / "otolith", ignore=shutil.ignore_patterns("__pycache__", "commit.txt"))
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    told = "import otolith.rows; print(otolith.rows.environment().get('commit'))"

    def found() -> str:
        environment = {"PYTHONPATH": str(tmp_path / "src")}
        return subprocess.check_output([sys.executable, "-c", told], env=os.environ | environment, text=True).strip()

    def git(*tokens: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        return subprocess.check_output(["git", "-C", str(tmp_path), *who, *tokens], text=True).strip()

    assert found() == "None"
    git("init", "-q")
    assert found() == "None", "no commit yet"
    git("add", ".")
    git("commit", "-qm", "a")
    head = git("rev-parse", "HEAD")[:12]
    assert found() == head
    (tmp_path / "README.md").write_text("not of the package")
    assert found() == head
    with (tmp_path / "src" / "otolith" / "rows" / "log.py").open("a") as file:
        file.write("# changed")
    assert found() == f"{head}+changed"
    (tmp_path / "src" / "otolith" / "commit.txt").write_text("0123456789ab\n")
    assert found() == "0123456789ab", "what a wheel carries comes first"


def test_needs_only_the_standard_library() -> None:
    code = "import sys, otolith.rows; print(sorted({'numpy', 'torch', 'pydantic', 'polars'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
