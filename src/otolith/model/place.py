"""Places of models: a folder, that of a run, and by a model's name this package or the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from otolith.model import hub

CARD, WEIGHTS = "card.json", "weights.safetensors"
SHIPPED = Path(__file__).parent / "shipped"
"""Models that come with otolith, a folder each."""
DEFAULT = "phone"
"""The one of them that is taken where none is named."""


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


def owner(given: str | Path) -> str | None:
    """Return in words where a model comes from that is named and not the user's to change; None of a folder.

    >>> owner("hf://ada/walks")
    'lies on the Hugging Face Hub'
    """
    if hub.parse(given) is not None:
        return "lies on the Hugging Face Hub"
    return "comes with otolith" if is_shipped(given) else None


def is_model(given: str | Path) -> bool:
    """Return whether a model lies there, or comes with otolith or from the Hub under that name.

    >>> is_model("walk.zip")
    False
    """
    place = place_of(given)
    return (place / CARD).is_file() and (place / WEIGHTS).is_file()


def called(given: str | Path) -> str:
    """Return how a model that was given is called; a path has one of the strokes of a name of the Hub alone.

    >>> called(Path("hf://ada/walks")), called(Path("runs/a"))
    ('hf://ada/walks', 'runs/a')
    """
    return str(hub.parse(given) or given)


def pinned(given: Path) -> Path:
    """Return what means the same model tomorrow and on another machine: of a name of the Hub, that with the commit.

    Raises:
        HubError: it is not kept here, and cannot be had.

    >>> pinned(Path("phone")).name
    'phone'
    """
    name = hub.parse(given)
    return given if name is None else Path(str(hub.HubName(name.repo, hub.folder_of(name).name)))


def place_of(given: str | Path) -> Path:
    """Return the folder of the model that is meant: a model's folder, that of a run, whose model is in it, the name of
    a model that comes with otolith, or the name of one on the Hub, which is fetched the first time. `DIR/model`, where
    DIR itself is the model, is DIR.

    A folder here comes before a model of its name. What is none of these is returned as it is.

    Raises:
        HubError: a model of the Hub is not kept here, and cannot be had.

    >>> place_of("my-model").name
    'my-model'
    """
    name = hub.parse(given)
    if name is not None:
        return hub.folder_of(name)
    if is_shipped(given):
        return SHIPPED / str(given)
    folder = Path(given)
    if folder.name == "model" and not folder.exists() and (folder.parent / CARD).is_file():
        return folder.parent
    inner = folder / "model"
    return inner if (inner / CARD).is_file() and not (folder / CARD).exists() else folder
