"""Places of models: a folder, the folder of a run, or this package, by the name of a model that comes with it."""

from __future__ import annotations

from pathlib import Path

CARD, WEIGHTS = "card.json", "weights.safetensors"
SHIPPED = Path(__file__).parent / "shipped"
"""Models that come with otolith, a folder each."""


def names() -> tuple[str, ...]:
    """Return the names of the models that come with otolith, sorted."""
    if not SHIPPED.is_dir():
        return ()
    return tuple(sorted(folder.name for folder in SHIPPED.iterdir() if (folder / CARD).is_file()))


def is_shipped(given: str | Path) -> bool:
    """Return whether this is the name of a model that comes with otolith, and of no folder here.

    >>> is_shipped("no such model")
    False
    """
    return str(given) in names() and not Path(given).exists()


def is_model(given: str | Path) -> bool:
    """Return whether a model lies there, or comes with otolith under that name.

    >>> is_model("walk.zip")
    False
    """
    place = place_of(given)
    return (place / CARD).is_file() and (place / WEIGHTS).is_file()


def place_of(given: str | Path) -> Path:
    """Return the folder of the model that is meant: a model's folder, that of a run, whose model is in it, or the name
    of a model that comes with otolith. `DIR/model`, where DIR itself is the model, is DIR.

    A folder here comes before a model of its name. What is none of these is returned as it is.

    >>> place_of("my-model").name
    'my-model'
    """
    if is_shipped(given):
        return SHIPPED / str(given)
    folder = Path(given)
    if folder.name == "model" and not folder.exists() and (folder.parent / CARD).is_file():
        return folder.parent
    inner = folder / "model"
    return inner if (inner / CARD).is_file() and not (folder / CARD).exists() else folder
