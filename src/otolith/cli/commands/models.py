"""`otolith models`: the models that come with otolith."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from otolith.cli.results import Lines


def models(name: Annotated[str | None, Parameter(metavar="NAME")] = None, /) -> None:
    """List the models that come with otolith, or describe one.

    Their names stand wherever a model folder may: `otolith predict phone walk.zip`.

    Args:
        name: A model; without it, all are listed.
    """
    from otolith.cli import results
    from otolith.errors import DataError, unknown
    from otolith.model import bundle, place

    there = place.names()
    if name is None:
        results.show("Models", [(each, str(_about(bundle.read_card(each))["title"])) for each in there])
        return
    if name not in there:
        raise DataError(unknown("model", name, there))
    results.show(name, _described(bundle.read_card(name)))


def _about(card: dict[str, Any]) -> dict[str, Any]:
    return {"title": card["data"].get("title", card["data"]["dataset"])} | card.get("about", {})


def _described(card: dict[str, Any]) -> Lines:
    """Return what a card says of a model: for whom, of what, how good, on whose terms."""
    about, given, data = _about(card), card["input"], card["data"]
    optional = f"; {', '.join(given['may_miss'])} may be missing" if given["may_miss"] else ""
    lines = [
        ("for", str(about["title"])),
        ("tells", ", ".join(card.get("activities", ())) or "nothing by itself: an encoder to fine-tune"),
        *((("cannot tell", str(about["cannot"])),) if "cannot" in about else ()),
        ("takes", f"{given['seconds']:g} s at {given['rate_hz']:g} Hz of {', '.join(given['channels'])}{optional}"),
        ("trained on", f"{data['dataset']}, {about['people']} people" if "people" in about else data["dataset"]),
        ("licence", str(data.get("licence", "not stated"))),
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
