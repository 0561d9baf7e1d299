"""`otolith label`: label recordings by key presses, on a local page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from otolith.cli.shared import AnyDataset, Data, Device, Flag, Folder

if TYPE_CHECKING:
    from otolith.datasets import Dataset


def label(
    dataset: AnyDataset,
    /,
    *,
    model: Annotated[Path | None, Parameter(metavar="MODEL")] = None,
    by: Annotated[str | None, Parameter(metavar="NAME")] = None,
    activity: Annotated[list[str] | None, Parameter(metavar="NAME", consume_multiple=True)] = None,
    video: Annotated[list[str] | None, Parameter(metavar="[RECORDING=]FILE", consume_multiple=True)] = None,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=0.5, lte=600))] = 4.0,
    labels: Annotated[Path | None, Folder] = None,
    export: Annotated[Path | None, Parameter(metavar="FILE|DIR")] = None,
    lan: Flag = False,
    address: Annotated[str | None, Parameter(metavar="NAME")] = None,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8766,
    data: Data = None,
    device: Device = "auto",
) -> None:
    """Label recordings by key presses: a local page proposes the stretches that would teach a model most.

    Every label is on the disk before the page confirms it; the same command goes on where it was stopped. The page is
    served to this machine alone, to whoever has its address with the token; --lan lets a phone open it. Needs the extra
    `live`. Ctrl-C ends it.

    Args:
        model: Folder of a model or encoder whose features tell stretches apart; default: hand-made features.
        by: Who labels; everybody's labels are kept apart. Default: your user name.
        activity: Activities to begin with, on the keys 1, 2, ...; others are added on the page.
        video: Video files to show beside the signals, of one recording or of any.
        seconds: Length of the stretches that are proposed.
        labels: Folder for the labels; default: `labels` in the data set's folder.
        export: Write the labels of --by and end: a CSV file for `otolith import --labels`, or a folder for a labelled
            copy of the data set, which `otolith run` takes.
        lan: Serve the page to your network, so that a phone can open it.
        address: Address of this machine in its network, if otolith finds a wrong one.
        port: Port to listen on; 0 takes a free one.
    """
    from otolith import datasets
    from otolith.cli import results
    from otolith.errors import RecipeError
    from otolith.labelling import export as exporting
    from otolith.labelling.journal import Journal, file_of

    found = datasets.load(dataset, data)
    if labels is None:
        if found.root is None or dataset in datasets.names():
            raise RecipeError(f"{dataset} is no folder of yours; say where its labels are to be kept: --labels DIR")
        labels = Path(found.root) / "labels"
    by = by or _user()
    file = file_of(labels, by)
    if export is not None:
        told = exporting.write(found, Journal(file), export)
        results.show(f"{dataset}, labelled by {by}", [("written", str(export)), ("holds", told), *_next(export)])
        return
    _serve(found, labels, by, model, activity or [], video or [], seconds, lan, address, port, device)


def _serve(
    found: Dataset,
    labels: Path,
    by: str,
    model: Path | None,
    activities: list[str],
    videos: list[str],
    seconds: float,
    lan: bool,
    address: str | None,
    port: int,
    device: str,
) -> None:
    from otolith.serving import serve

    serve.need_extra("otolith label")

    from otolith.cli import results
    from otolith.labelling.app import MOST_PAGES, Labelling, build
    from otolith.labelling.export import base_of
    from otolith.labelling.protocol import MAX_BYTES
    from otolith.labelling.stretches import Signals, stretches_of
    from otolith.labelling.videos import Video
    from otolith.labelling.work import Work
    from otolith.model import bundle
    from otolith.progress.display import LiveProgress
    from otolith.serving.certificate import certificate
    from otolith.system import claims
    from otolith.system.storage import make_folder

    encoder = None if model is None else bundle.load_encoder(model, device)
    signals = Signals(found)
    stretches = stretches_of(signals, found.info.channels, encoder, seconds, LiveProgress())
    shown = [Video.of(each, stretches.names) for each in videos]
    make_folder(labels)
    with claims.hold(labels / f".{by}"):
        work = Work(signals, stretches, labels, by, activities=found.info.activities, base=base_of(signals))
        for name in activities:
            work.add_activity(name)
        work.refit()
        place = serve.listen(port, lan=lan, address=address, token=True)
        signed = certificate(serve.names_of(place)) if lan else None
        app = build(
            Labelling(
                work,
                found.info.title or found.info.name,
                shown,
                hosts=place.hosts,
                scheme=place.scheme,
                token=place.token,
                files={"/certificate.crt": (signed.public, "application/x-x509-ca-cert")} if signed else {},
            )
        )
        lines = [("open", place.url), ("labels in", str(work.journal.path))]
        lines.append(("served to", "your network, to whoever has this address" if lan else "this machine alone"))
        if signed is not None:
            lines.append(("certificate", f"the browser warns: go on if it shows SHA-256 {signed.fingerprint}"))
        if work.journal.damaged:
            lines.append(("damaged", f"{work.journal.damaged} lines of the labels could not be read; the others stand"))
        lines += [("left out", each) for each in stretches.left_out[:5]]
        results.show(f"{found.info.name}: {len(stretches):,} stretches, until Ctrl-C", lines)
        if lan:
            results.write("\n" + serve.qr_code(place.url))
        sys.stdout.flush()
        serve.run(app, place, MAX_BYTES, None if signed is None else signed.path, max_connections=8 * MOST_PAGES)
    results.write("\nStopped. Labels are kept; the same command goes on.\n")


def _user() -> str:
    """Return the name by which the system knows who is here, as the name of a file."""
    import getpass
    import re

    try:
        return re.sub(r"[^\w.@-]+", "-", getpass.getuser()).strip(".@-") or "me"
    except (KeyError, OSError):  # a user without a name
        return "me"


def _next(export: Path) -> list[tuple[str, str]]:
    from otolith.showing import command

    if export.suffix.lower() == ".csv":
        return [("next", command("import", "SOURCE", labels=export, out="DIR"))]
    return [("next", command("run", export))]
