"""The folders that jobs write: what identifies them, what they may replace, and their checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import rows
from otolith.errors import CheckpointError, StorageError
from otolith.system import claims
from otolith.system.exchange import irreplaceable
from otolith.system.files import make_place, restore, write
from otolith.system.reading import MOST_TEXT, read_bytes
from otolith.system.strict import json_value

if TYPE_CHECKING:
    from otolith.recipes import Recipe


def refuse_other(folder: Path, file: str, identity: Mapping[str, Any], kind: str, *, kept: bool = True) -> bool:
    """Return whether `folder` holds the job that `identity` names, and refuse one that holds anything else.

    Args:
        file: its identity, as JSON, within the folder.
        kind: "run" or "comparison", for messages.
        kept: False where it holds no work that could be lost, whoever began it.

    Raises:
        CheckpointError: it holds another job, or is not a folder of this kind.
    """
    path = folder / file
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or not claims.is_empty(folder)):
            raise CheckpointError(f"{folder} exists and holds no {kind}; choose another --out folder")
        return False
    if not kept:
        return False
    try:
        found = dict(json_value(read_bytes(path, MOST_TEXT)))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); choose another --out folder") from None
    before = {name for name in rows.CONTENT if name not in found}  # from when identities had data sets' names alone
    odd = sorted(name for name in {*found, *identity} - before if found.get(name) != identity.get(name))
    if odd:
        differing = ", ".join(f"its {name} is {found.get(name)!r}, not {identity.get(name)!r}" for name in odd)
        raise CheckpointError(f"{folder} holds another {kind}: {differing}. Choose another --out folder.")
    return True


def file_name(title: str) -> str:
    """Return a name that people chose as a part of a folder's name.

    >>> file_name("my walks/2024")
    'my_walks_2024'
    """
    return re.sub(r"[^\w.-]+", "_", title).lstrip(".")


def recipe_title(given: object, resolved: Recipe, overrides: Mapping[str, Any] | None) -> str:
    """Return the name of a recipe for rows and folders; with overrides it is no longer what its own name promises."""
    name = "own" if isinstance(given, type(resolved)) else Path(str(given)).stem
    return f"{name}-{resolved.hash[:6]}" if overrides else name


def write_identity(folder: Path, file: str, identity: Mapping[str, Any], recipe: Recipe) -> None:
    """Write the identity of the job in `folder`, its recipe and the environment."""
    texts = {
        file: json.dumps(identity, indent=2),
        "recipe.json": json.dumps(recipe.as_dict(), indent=2),
        "recipe.toml": recipe.to_toml(),
        "environment.json": json.dumps(rows.environment(), indent=2),
    }
    for name, text in texts.items():
        write(folder / name, text)


def refuse_taken(folder: Path) -> None:
    """Make sure, before hours of training, that a bundle can be written to `folder` and replaces nothing.

    What killed processes left half-written or half-removed of it is removed.

    Raises:
        CheckpointError: it holds something, is a file, the working folder or a mounted disk, or cannot be made.
    """
    if reason := irreplaceable(folder):
        raise CheckpointError(f"--out {folder} is {reason}; choose a new one within it")
    restore(folder)
    restore(checkpoints_beside(folder))
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        make_place(folder)
    except (OSError, StorageError) as error:
        reason = getattr(error.__cause__ or error, "strerror", str(error))
        raise CheckpointError(f"--out {folder} cannot be written ({reason}); choose another folder") from None
    if taken:
        raise CheckpointError(f"--out {folder} exists already; choose another folder, or remove it first")


def checkpoints_beside(folder: Path) -> Path:
    """Return the folder of checkpoints of a job that writes a bundle to `folder`: `DIR-checkpoints` beside it."""
    return folder.parent / f"{folder.name or folder.absolute().name}-checkpoints"
