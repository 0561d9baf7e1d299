"""`otolith live`: activities on a page while a phone moves, or while a recording plays."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from otolith.cli.reading import READING, Flat
from otolith.cli.shared import Data, Device, Flag, ModelFolder

if TYPE_CHECKING:
    from otolith.serving.certificate import Certificate
    from otolith.serving.serve import Place


def live(
    model: ModelFolder | None = None,
    /,
    *,
    replay: Annotated[list[str] | None, Parameter(metavar="SOURCE[:RECORDING]", consume_multiple=True)] = None,
    lan: Flag = False,
    address: Annotated[str | None, Parameter(metavar="NAME")] = None,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8765,
    max_clients: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 200,
    record: Annotated[Path | None, Parameter(metavar="DIR")] = None,
    own_labels: Flag = False,
    data: Data = None,
    device: Device = "auto",
    reading: Flat = READING,
) -> None:
    """Show activities on a page while a phone moves in your hand, or while a recording plays.

    The page is served to this machine alone. With --lan it is served to your network, encrypted, for everybody who has
    the address with its token. Needs the extra `live`. Ctrl-C ends it. After `otolith live-runtime`, and with the extra
    `onnx`, the page can also recognise by itself. Without a model, the one that comes with otolith for phones is taken.

    Args:
        replay: Recordings that the page may play: data sets, folders, exports, or one recording of them.
        lan: Serve the page to your network, so that a phone can open it.
        address: Address of this machine in its network, if otolith finds a wrong one.
        port: Port to listen on; 0 takes a free one.
        max_clients: Pages that may be connected at once.
        record: Folder of recordings to which sessions are added whose people agree to it on the page, with the labels
            that they press; `otolith run`, `predict` and `label` take it as it is.
        own_labels: Let people on the page label by words of their own, too.
    """
    from otolith.errors import RecipeError
    from otolith.serving import serve

    serve.need_extra("otolith live")
    if own_labels and record is None:
        raise RecipeError("--own-labels is about recordings; say where they go, too: --record DIR")

    from otolith.cli import results
    from otolith.cli.terminal import terminal
    from otolith.live import exported, in_page
    from otolith.live.app import Live, build
    from otolith.live.protocol import MAX_BYTES
    from otolith.live.recorder import opened
    from otolith.live.recordings import playable
    from otolith.model import bundle
    from otolith.model import place as places
    from otolith.prediction.matching import expects_gravity
    from otolith.progress.display import LiveProgress
    from otolith.serving.certificate import certificate

    progress = LiveProgress()
    named, model = model is not None, Path(places.DEFAULT) if model is None else model
    checksum = exported.checksum(model)
    loaded, card = bundle.load_model(model, device), bundle.read_card(model)
    recordings, notes = playable(replay or [], loaded, data, reading.options(), terminal(progress))
    terms = tuple(results.terms_of(card))
    place = serve.listen(port, lan=lan, address=address)
    if exported.checksum(model) != checksum:
        checksum = ""  # a training has replaced it meanwhile: nobody knows which of the two was read
    handed = in_page.prepare(loaded, terms, recordings.values(), progress, checksum=checksum)
    signed = certificate(serve.names_of(place)) if lan else None
    lines = _lines(place, signed)
    if not named:
        lines.append(results.unnamed(model))
    if recordings:
        lines.append(("can play", f"{len(recordings)} recording{'s' if len(recordings) > 1 else ''}"))
    where = f"here alone: {handed.why_not}" if handed.why_not else "here or in the browser, as the page's switch says"
    lines.append(("computing", where))
    if record is not None:
        lines.append(("recording", f"sessions whose people agree, to {record}"))
    with ExitStack() as stack:
        stack.callback(place.listening.close)
        gravity = "removed" if expects_gravity(loaded.meta, loaded.encoder.scaler) is False else "included"
        kept = None if record is None else stack.enter_context(opened(record, loaded.activities, own_labels, gravity))
        app = build(
            Live(
                model=loaded,
                title=str(card["data"].get("title") or loaded.meta.dataset),
                terms=terms,
                recordings=recordings,
                hosts=place.hosts,
                scheme=place.scheme,
                token=place.token,
                max_clients=max_clients,
                files={"/certificate.crt": (signed.public, "application/x-x509-ca-cert")} if signed else {},
                in_page=handed,
                recorder=kept,
                code=serve.qr_picture(place.url) if lan else None,
            )
        )
        results.show(f"{places.called(model)}, live until Ctrl-C", [*lines, *(("", note) for note in notes)])
        if lan:
            results.write("\n" + serve.qr_code(place.url))
        sys.stdout.flush()
        serve.run(app, place, MAX_BYTES, None if signed is None else signed.path, max_connections=4 * max_clients)
    results.write("\nStopped.\n")


def _lines(place: Place, signed: Certificate | None) -> list[tuple[str, str]]:
    """Return the address to open, and how to get past the browser's warning."""
    if signed is None:
        return [("open", place.url), ("served to", "this machine alone; --lan lets a phone open the page")]
    return [
        ("open", f"{place.url}   (the code below, with the phone's camera)"),
        ("served to", "your network, to whoever has this address; its token changes with every start"),
        ("certificate", "made by this machine, so the browser warns: go on if it shows this SHA-256 fingerprint"),
        ("", signed.fingerprint),
        ("phone refuses", f"install {place.url}certificate.crt as docs/live.md says, and remove it afterwards"),
    ]
