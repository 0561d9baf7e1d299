"""`otolith models`: the models that come with otolith, and those of the Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from otolith.cli.shared import Flag

if TYPE_CHECKING:
    from otolith.cli.results import Lines


def models(name: Annotated[str | None, Parameter(metavar="NAME")] = None, /, *, update: Flag = False) -> None:
    """List the models that come with otolith, or describe one, also of the Hugging Face Hub (hf://USER/NAME).

    Their names stand wherever a model folder may: `otolith predict phone walk.zip`. A model of the Hub is fetched the
    first time and stays the same from then on, without a network.

    Args:
        name: A model; without it, all are listed.
        update: Of a model of the Hub: take the newest that its name stands for.
    """
    from otolith.cli import results
    from otolith.errors import DataError, unknown
    from otolith.model import bundle, hub, place

    there, named = place.names(), None if name is None else hub.parse(name)
    if update and named is None:
        raise DataError("--update takes a newer model of the Hub; name it: otolith models hf://USER/NAME --update")
    if name is None:
        results.show("Models", [(each, str(_about(bundle.read_card(place.SHIPPED / each))["title"])) for each in there])
        kept = hub.kept()
        if kept:
            results.show("Kept of the Hub", [(str(each), f"commit {commit[:12]}") for each, commit in kept])
        return
    if named is not None:
        folder = hub.folder_of(named, newer=update)
        results.show(name, [*_described(bundle.read_card(folder)), ("commit", folder.name), ("kept in", str(folder))])
        return
    if name not in there:
        raise DataError(unknown("model", name, there))
    results.show(name, _described(bundle.read_card(place.SHIPPED / name)))


def _about(card: dict[str, Any]) -> dict[str, Any]:
    return {"title": card["data"].get("title") or card["data"]["dataset"]} | card.get("about", {})


def _described(card: dict[str, Any]) -> Lines:
    """Return what a card says of a model: for whom, of what, how good, on whose terms."""
    about, given, data = _about(card), card["input"], card["data"]
    optional = f"; {', '.join(given['may_miss'])} may be missing" if given.get("may_miss") else ""
    lines = [
        ("for", str(about["title"])),
        ("tells", ", ".join(card.get("activities", ())) or "nothing by itself: otolith run DATASET --encoder NAME"),
        *((("cannot tell", str(about["cannot"])),) if "cannot" in about else ()),
        ("takes", f"{given['seconds']:g} s at {given['rate_hz']:g} Hz of {', '.join(given['channels'])}{optional}"),
        ("trained on", f"{data['dataset']}, {about['people']} people" if "people" in about else data["dataset"]),
        ("licence", str(data.get("licence") or "not stated")),
        ("terms", str(data["terms"])),
    ]
    for each in about.get("tested", ()):
        lines.append(("tested on", _tested(each)))
    return lines


def _tested(each: dict[str, Any]) -> str:
    """Return a line of scores on a data set that no training saw."""
    percent = "{:.1f}".format
    low, high = (100 * each["interval"][end] for end in ("low", "high")) if each["interval"] else (None, None)
    between = f" ({percent(low)} to {percent(high)})" if low is not None and high is not None else ""
    without = f" without {', '.join(each['without'])}" if each["without"] else ""
    return (
        f"{each['dataset']}{without}, {each['people']} people: macro F1 {percent(100 * each['macro_f1'])} %{between}; "
        f"still, on foot, running {percent(100 * each['coarse_macro_f1'])} %"
    )
