"""`otolith live-runtime`: the runtime by which the page of `otolith live` recognises activities itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def live_runtime(archive: Annotated[Path | None, Parameter(metavar="FILE.tgz")] = None, /) -> None:
    """Fetch onnxruntime-web once, so that the page of `otolith live` can recognise activities by itself.

    npm fetches it from the registry that npm is set up for. Its checksum is verified, and the two files that the page
    needs are kept; only `otolith live` serves them, no other site.

    Args:
        archive: The package as `npm pack` writes it, for a machine without npm or network.
    """
    from otolith.cli import results
    from otolith.live import runtime
    from otolith.progress.display import LiveProgress

    place = runtime.fetch(archive, progress=LiveProgress())
    size = f"{runtime.n_bytes() / 1e6:.1f} MB"
    results.show(
        f"{runtime.PACKAGE} {runtime.VERSION}",
        [("kept in", str(place)), ("size", size), ("next", "start `otolith live` again; its page has a switch now")],
    )
