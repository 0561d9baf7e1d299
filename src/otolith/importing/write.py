"""Writing of imported recordings as a data set folder like the built-in ones, with `quality.html` in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from otolith import __version__
from otolith.datasets.base import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.importing.options import ImportOptions
from otolith.importing.read import read_recordings
from otolith.progress import HERE, SILENT, Progress
from otolith.recording import Recording
from otolith.system.files import make_place, refuse_existing

if TYPE_CHECKING:
    from otolith.importing.imported import Imported
    from otolith.importing.questions import Ask

QUALITY = "quality.html"


def import_recordings(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    options: ImportOptions | None = None,
    *,
    title: str = "",
    licence: str = "not stated",
    terms: str = "Not stated by whoever imported them.",
    ask: Ask | None = None,
    progress: Progress = HERE,
) -> Imported:
    """Read recordings (see `read_recordings`) and write them as the data set folder `out`; all of it appears, or none.

    Few recordings are in memory at a time: the samples of the others wait on the disk of `out`, in files without a name
    that are gone with what is returned, whose arrays are read-only.

    Args:
        sources, options, ask, progress: see `read_recordings`.
        out: the new folder.
        title, licence, terms: words of the card about the data; models that are trained on them repeat the terms.

    Raises:
        DataError: `out` exists, or whatever `read_recordings` refuses.

    >>> rows = [f"{row / 50},0.1,0.2,9.8" for row in range(200)]
    >>> _ = Path("walk.csv").write_text("\\n".join(["time (s),acc_x,acc_y,acc_z", *rows]))
    >>> found = import_recordings("walk.csv", "my-walks", ImportOptions(accept_guess=True, subject="ada"))
    >>> sorted(path.name for path in Path("my-walks").iterdir())
    ['card.json', 'quality.html', 'signals']
    """
    out = Path(out)
    refuse_existing(out)
    disk = next(folder for folder in out.absolute().parents if folder.is_dir())
    imported = read_recordings(sources, options, ask, progress, disk_buffer=disk)
    make_place(out.absolute())
    write_imported(imported, out, title=title, licence=licence, terms=terms, progress=progress)
    return imported


def write_imported(
    imported: Imported, out: Path, *, title: str, licence: str, terms: str, progress: Progress = SILENT
) -> Path:
    """Write what `read_recordings` returned as a data set folder.

    Raises:
        DataError: `out` exists.
        StorageError: it cannot be written.
    """
    from otolith.importing.quality import page as quality

    name = out.resolve().name
    title = title or f"Recordings imported as {name}"
    info = DatasetInfo.of_own(
        name,
        title,
        imported.rate_hz,
        "Imported from recordings of the user's own.",
        activities=imported.activities,
        licence=licence,
        terms=terms,
        channels=imported.channels,
        gravity=imported.gravity,
    )
    page = quality.page(title, imported, progress)
    with progress.stage("write data set", len(imported.recordings), "recordings") as stage:

        def recordings() -> Iterator[Recording]:
            for each in imported.recordings:
                yield each
                stage.advance()

        write_folder(
            out,
            info,
            recordings(),
            provenance={
                "written_by": f"otolith {__version__} import",
                "decisions": [{**asdict(each), "recordings": count} for each, count in imported.common_decisions()],
                "notes": list(imported.notes),
                "passed_over": list(imported.passed_over),
                **({"left_out": list(imported.left_out)} if imported.left_out else {}),
            },
            notes={name: found.as_json() for name, found in imported.findings.items()},
            files={QUALITY: page},
        )
    return out
