"""A model as a package for JavaScript: what the page of `otolith live` does, for pages and programs of others.

The tarball is what `npm pack` makes, so `npm install ./recogniser.tgz` installs it. It holds the page's own modules
(clock, windows, smoothing, checks), the model as ONNX and, for some rates, resampling as a matrix.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import __version__
from otolith.errors import RecipeError
from otolith.export import Exported, export_onnx
from otolith.live.in_page import GRAPH, InPage, about, resampling
from otolith.model import Model
from otolith.progress import SILENT, Progress
from otolith.system.files import make_place, whole_file
from otolith.windows.resampling import LOWEST_RATE

if TYPE_CHECKING:
    from otolith.export import Trial

HERE = Path(__file__).parent
MODULES = ("clock.js", "fits.js", "recogniser.js", "refusal.js", "smoothing.js", "windows.js")
"""Parts of the page that work without one."""
OWN = ("index.js", "index.d.ts", "example.html")
RATES_HZ = (20.0, 25.0, 50.0, 60.0, 100.0)
"""Rates of phones and watches for which a package resamples."""


def write_package(
    model: Model,
    path: Path,
    *,
    title: str,
    terms: Sequence[str] = (),
    rates_hz: Sequence[float] = RATES_HZ,
    trial: Trial | None = None,
    progress: Progress = SILENT,
) -> Exported:
    """Write a model as a tarball that npm installs; return how its ONNX file agrees with PyTorch.

    Args:
        path: ends in .tgz; the package is called after it.
        title: of the model, for those who use it.
        rates_hz: rates at which samples may come, besides the model's own.
        trial: windows on which the ONNX file is checked; None: noise.

    Raises:
        RecipeError: another ending, or the extra `onnx` is missing.
        CheckpointError: the ONNX file disagrees with PyTorch.
        StorageError: it cannot be written.
    """
    if path.suffix != ".tgz":
        raise RecipeError(f"{path}: give a package for JavaScript the ending .tgz")
    meta = model.meta
    kept = sorted({*rates_hz, meta.rate_hz})
    kept = [rate for rate in kept if rate >= LOWEST_RATE * meta.rate_hz]
    lengths = sorted({round(meta.seconds * rate) for rate in kept} - {meta.n_steps})
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        done = export_onnx(model, Path(folder) / GRAPH, trial=trial, terms=terms, progress=progress)
        graph = done.path.read_bytes()
    facts = about(model, title, terms, InPage()) | {"rates_hz": kept}
    files: dict[str, str] = {name: (HERE / "page" / name).read_text("utf-8") for name in MODULES}
    files |= {name: (HERE / "package" / name).read_text("utf-8") for name in OWN}
    files |= {
        "package.json": json.dumps(_card(path.stem, title), indent=2, ensure_ascii=False) + "\n",
        "README.md": _readme(path.stem, facts),
        "about.js": f"export const about = {json.dumps(facts, ensure_ascii=False)};\n",
        "model.js": _of_bytes(graph),
        "filters.js": "".join(
            [
                "export const filters = {\n",
                *(f'  {length}: () => import("./filters/{length}.js"),\n' for length in lengths),
                "};\n",
            ]
        ),
    }
    files |= {f"filters/{length}.js": _of_bytes(resampling(length, meta.n_steps)) for length in lengths}
    with whole_file(make_place(path)) as part, tarfile.open(part, "w:gz") as tar:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return done


def _card(name: str, title: str) -> dict[str, Any]:
    clean = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "recogniser"
    return {
        "name": clean,
        "version": re.match(r"\d+\.\d+\.\d+", __version__)[0],  # type: ignore[index]
        "description": title,
        "type": "module",
        "main": "index.js",
        "types": "index.d.ts",
        "exports": {".": {"types": "./index.d.ts", "default": "./index.js"}},
        "sideEffects": False,
    }


def _readme(name: str, facts: dict[str, Any]) -> str:
    lines = [
        f"# {name}",
        "",
        f"{facts['title']}: tells {', '.join(facts['states'])} from {', '.join(facts['channels'])}.",
        "",
        "```js",
        'import * as ort from "onnxruntime-web";',
        f'import {{ open, withRuntime }} from "{name}";',
        "",
        f"const recogniser = await open({{ run: await withRuntime(ort), rate_hz: {facts['rates_hz'][-1]:g} }});",
        "for (const found of await recogniser.push(times, rows)) console.log(found.start_s, found.activity);",
        "```",
        "",
        f"Samples come at {', '.join(f'{rate:g}' for rate in facts['rates_hz'])} Hz, in m/s² and rad/s, in this order.",
        "example.html is a page for a phone.",
        "",
        "## Terms of the data that the model has seen",
        "",
        *(f"- {each}" for each in facts["terms"] or ["Not stated."]),
        "",
    ]
    return "\n".join(lines)


def _of_bytes(content: bytes) -> str:
    return f'export default "{base64.b64encode(content).decode()}";\n'
