"""Run folders of other people: rows, curves, cards, arrays, the page made of them; and entries of the window cache."""

from __future__ import annotations

import contextlib
import io
import json
import random
import tempfile
from pathlib import Path

import numpy as np

from otolith import report, rows
from otolith.jobs import compare
from otolith.jobs.folder import refuse_other
from otolith.protocols import sections
from otolith.report import folder as run_folder
from otolith.windows import cache
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.helpers import tiny
from tests.helpers.run_folders import build_run


def run_files(**options: object) -> Files:
    """A run folder as the tests of the report make it up."""
    with tempfile.TemporaryDirectory() as place:
        folder = build_run(Path(place, "run"), n=120, activities=("up", "down", "sit"), **options)
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def npy_of(rng: random.Random, blob: bytes) -> bytes:
    """An array of another type, shape or header."""
    what = rng.random()
    if what < 0.5:
        return fuzzmutate.bytes_of(rng, blob[:128]) + blob[128:] if what < 0.3 else fuzzmutate.bytes_of(rng, blob)
    array = np.load(io.BytesIO(blob), allow_pickle=False)
    buffer = io.BytesIO()
    odd = (
        array.astype(np.complex64),
        array.astype("U9"),
        array.T,
        array[:3],
        np.zeros(0),
        np.float32(1),
        array * np.nan,
    )
    np.save(buffer, rng.choice(odd) if array.dtype.kind in "fiu" else array[:2], allow_pickle=False)
    out = buffer.getvalue()
    if rng.random() < 0.3:
        out = out.replace(b"(", rng.choice((b"(9999999999, ", b"(-1, ", b"(" * 60, b"[")), 1)
    return out


def lines_of(rng: random.Random, blob: bytes) -> bytes:
    """JSON lines of which one is changed."""
    lines = blob.split(b"\n")
    at = rng.randrange(max(len(lines) - 1, 1))
    with contextlib.suppress(ValueError):
        lines[at] = fuzzmutate.json_of(rng, lines[at])
    return b"\n".join(lines)


def change_of(rng: random.Random, name: str, blob: bytes) -> bytes:
    if name.endswith(".npy"):
        return npy_of(rng, blob)
    if name.endswith(".jsonl"):
        return lines_of(rng, blob) if rng.random() < 0.8 else fuzzmutate.bytes_of(rng, blob)
    if name.endswith(".json"):
        return fuzzmutate.json_of(rng, blob)
    return fuzzmutate.bytes_of(rng, blob)


@register
class Rows(Reader):
    """Rows are read, one is added, and nothing that was whole is lost."""

    name, weight = "rows", 8.0

    def valid(self) -> list[Files]:
        made = [rows.Row({"method": name, "seed": 0}, {"macro_f1": 0.5, "activities": ["a"]}) for name in "abc"]
        for row in made:
            rows.append("rows.jsonl", row)
        return [{"rows.jsonl": Path("rows.jsonl").read_bytes()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {"rows.jsonl": change_of(rng, "rows.jsonl", files["rows.jsonl"])}

    def read(self, box: Path, files: Files) -> None:
        before = rows.scan(box / "rows.jsonl").rows
        more = rows.Row({"method": "new", "seed": 1}, {"macro_f1": 0.25})
        rows.append(box / "rows.jsonl", more)
        after = rows.scan(box / "rows.jsonl").rows
        assert after == [*before, more]
        assert all(rows.key_hash(row.key) for row in after)


@register
class RunFolder(Reader):
    """Everything that the report reads."""

    name, weight = "run-folder", 8.0

    def valid(self) -> list[Files]:
        self.page = False
        return [run_files(), run_files(subjects=("ada", "bob"))]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        out = dict(files)
        for name in rng.sample(sorted(files), rng.choice((1, 1, 2))):
            out[name] = change_of(rng, name, files[name])
        return out

    def read(self, box: Path, files: Files) -> None:
        found = run_folder.load(box)
        for row in found.rows:
            assert run_folder.fault(row.result) is None
        for points in found.curves.values():
            assert all(np.isfinite(float(point["loss"])) for point in points)
        json.dumps([found.problems, found.recipe, found.card, found.teacher, list(found.curves)], allow_nan=False)
        "".join(found.problems).encode()


@register
class ReportPage(RunFolder):
    """The page made of them."""

    name, weight = "report-page", 0.4

    def read(self, box: Path, files: Files) -> None:
        page = report.write([box], box / "report.html", sections).read_text("utf-8")
        assert "<script" not in page
        assert "onerror=alert" not in page.replace("&gt;&lt;img src=x onerror=alert", "")


@register
class CacheEntry(Reader):
    """An entry of the window cache: whatever is wrong with it, it is built again."""

    name, weight = "window-cache", 4.0

    def valid(self) -> list[Files]:
        self.w = tiny.windows(n_subjects=1)
        place = Path("entry")
        place.mkdir()
        arrays = {name: getattr(self.w, name) for name in cache.ARRAYS}
        for name, values in arrays.items():
            np.save(place / f"{name}.npy", values)
        cache._describe(place, {name: (a.dtype, a.shape) for name, a in arrays.items()}, self.w.meta, "key")
        assert cache.open_entry(place, self.w.meta) is not None
        return [{path.as_posix(): path.read_bytes() for path in sorted(place.iterdir())}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        name = "entry/manifest.json" if rng.random() < 0.6 else rng.choice(sorted(files))
        return files | {name: change_of(rng, name, files[name])}

    def read(self, box: Path, files: Files) -> None:
        found = cache.open_entry(box / "entry", self.w.meta)
        assert found is None or np.array_equal(found.x, self.w.x)
        again = cache.open_entry(box / "entry", self.w.meta)
        assert again is None or again.x.shape[1:] == self.w.x.shape[1:]


@register
class Identity(Reader):
    """What a comparison's folder says of itself, which decides whether the job goes on there."""

    name, weight = "compare.json", 2.0

    def valid(self) -> list[Files]:
        self.identity = {"protocol": "few-labels", "seeds": [0, 1], "recipe": "abc"}
        return [{"compare.json": json.dumps(self.identity).encode()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {"compare.json": fuzzmutate.json_of(rng, files["compare.json"])}

    def read(self, box: Path, files: Files) -> None:
        refuse_other(box, compare.IDENTITY, self.identity, "comparison")
