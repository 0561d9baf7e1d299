"""Models of the Hugging Face Hub: their names, the commits that these stand for, and the folders that keep them.

`hf://USER/NAME` is a repository, `hf://USER/NAME@REVISION` a branch, a tag or a commit of it. The first time, the
commit that this is then is remembered and its two files are kept in otolith's home (`hub/SERVER/USER/NAME`); after
that the name means that commit, without a network, until a newer one is asked for. No file is taken but those of a
bundle, and they are read as those of any stranger.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from otolith import __version__
from otolith.errors import CheckpointError
from otolith.system import extras
from otolith.system.files import FULL, make_folder, whole_folder, write
from otolith.system.home import home
from otolith.system.reading import MOST_BYTES, MOST_TEXT, read_bytes
from otolith.system.strict import json_value

FILES = {"card.json": MOST_TEXT, "weights.safetensors": MOST_BYTES}
"""Files that are taken, and the most bytes of each."""
EXPECTED = "hf://USER/NAME, or hf://USER/NAME@REVISION with a branch, a tag or a commit"
PINS, MAIN = "pins.json", "main"
PATIENCE_S = 20.0
"""Seconds that a server may stay silent."""
_NAME = re.compile(r"hf:/{1,2}([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,199}))?", re.A)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_log = logging.getLogger(__name__)


class HubError(CheckpointError):
    """A model of the Hub cannot be had, or not be put there."""


@dataclass(frozen=True)
class HubName:
    """Name of a model on the Hub.

    Attributes:
        repo: `USER/NAME`.
        revision: a branch, a tag or a commit; None: the main branch.

    >>> print(HubName("ada/walks", "v1"))
    hf://ada/walks@v1
    """

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"hf://{self.repo}" + (f"@{self.revision}" if self.revision else "")

    @property
    def folder(self) -> Path:
        """The folder that keeps this repository."""
        server = endpoint().partition("://")[2] or endpoint()
        return home().joinpath("hub", quote(server, safe=""), *self.repo.split("/"))


def parse(given: str | Path) -> HubName | None:
    """Return the name of a model on the Hub that a text or a path is; None where it is none.

    Raises:
        HubError: it begins as one, and is none.

    >>> parse(Path("hf://ada/walks@v1"))
    HubName(repo='ada/walks', revision='v1')
    >>> parse("runs/walks") is None
    True
    """
    text = given if isinstance(given, str) else given.as_posix()
    if not text.startswith("hf:/"):
        return None
    found = _NAME.fullmatch(text)
    if found is None or ".." in text or "--" in found[1]:
        raise HubError(f"{text} is no name of a model on the Hugging Face Hub; expected {EXPECTED}.")
    return HubName(found[1], found[2])


def endpoint() -> str:
    """Return the address of the server: $HF_ENDPOINT, else that of the Hugging Face Hub."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def commit_of(name: HubName) -> str | None:
    """Return the commit that a name stands for here; None where it was never fetched."""
    if name.revision and _COMMIT.fullmatch(name.revision):
        return name.revision
    return _pins(name).get(name.revision or MAIN)


def kept() -> list[tuple[HubName, str]]:
    """Return the names of the server that stand for a commit here, with that commit, sorted."""
    found = []
    for pins in sorted(HubName("").folder.glob(f"*/*/{PINS}")):
        repo = "/".join(pins.parent.parts[-2:])
        for revision, commit in _pins(HubName(repo)).items():
            found.append((HubName(repo, None if revision == MAIN else revision), commit))
    return found


def folder_of(name: HubName, *, newer: bool = False) -> Path:
    """Return the folder of a model, which is fetched where it is not kept yet.

    Args:
        newer: ask the server which commit the name stands for now.

    Raises:
        HubError: it is not kept here, and there is no such model, no network, or no leave.
        RecipeError: the extra `hub` is not installed.
        StorageError: it cannot be kept.
    """
    commit = None if newer else commit_of(name)
    if commit is not None and all((name.folder / commit / file).is_file() for file in FILES):
        return name.folder / commit
    found = _fetch(name, commit)
    if commit is None and found != name.revision:
        pins = _pins(name)
        was, pins[name.revision or MAIN] = pins.get(name.revision or MAIN), found
        write(name.folder / PINS, json.dumps(pins, indent=2) + "\n")
        if was != found:
            _log.warning(
                f"{name} means commit {found[:12]} from now on, without a network; it is kept in "
                f"{name.folder / found}. A newer one is taken by: otolith models {name} --update"
            )
    return name.folder / found


def _pins(name: HubName) -> dict[str, str]:
    """Return the commits that revisions stand for; a damaged file is none."""
    try:
        found = json_value(read_bytes(name.folder / PINS, MOST_TEXT))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str) and _COMMIT.fullmatch(value)}


def _fetch(name: HubName, commit: str | None) -> str:
    """Keep the files of a commit, by default of the one that the name stands for now; return the commit."""
    api = interface()
    with told(name), tempfile.TemporaryDirectory(prefix="otolith-") as place:
        revision = commit or name.revision
        info = api.model_info(name.repo, revision=revision, files_metadata=True, timeout=PATIENCE_S)
        if not _COMMIT.fullmatch(str(info.sha)) or commit not in (None, info.sha):
            raise HubError(f"{name}: {endpoint()} names no commit of it. Is HF_ENDPOINT that of a Hub?")
        listed = {each.rfilename: each for each in info.siblings or ()}
        content = {}
        for file, most in FILES.items():
            if file not in listed:
                raise HubError(f"{name} holds no {file}, and so no model of otolith. Is the name right?")
            size = listed[file].size
            if size is None or size > most:
                held = "does not say how long it is" if size is None else f"has {size:,} bytes"
                raise HubError(f"{name}: {file} {held}; at most {most:,} are taken.")
            path = api.hf_hub_download(name.repo, file, revision=info.sha, local_dir=place, etag_timeout=PATIENCE_S)
            content[file] = read_bytes(path, most)
            _refuse_altered(name, file, content[file], listed[file])
    make_folder(name.folder)
    with whole_folder(name.folder / info.sha, replace=True) as kept:
        for file, data in content.items():
            (kept / file).write_bytes(data)
    return str(info.sha)


def _refuse_altered(name: HubName, file: str, content: bytes, listed: Any) -> None:
    """Hold a file against the checksum by which its commit names it: of Git LFS, or of git itself."""
    if listed.lfs is not None:
        same = hashlib.sha256(content).hexdigest() == listed.lfs.sha256
    else:
        head = f"blob {len(content)}\0".encode()
        same = hashlib.sha1(head + content, usedforsecurity=False).hexdigest() == listed.blob_id
    if not same:
        raise HubError(f"{name}: {file} was altered on the way: its checksum is not that of its commit. Try again.")


def interface(token: bool | None = None) -> Any:
    """Return `huggingface_hub.HfApi` for the server; it takes a token from where huggingface_hub keeps them.

    Raises:
        RecipeError: the extra `hub` is not installed.
    """
    hub = extras.need("huggingface_hub", "the Hugging Face Hub", "hub")
    return hub.HfApi(endpoint(), token=token, library_name="otolith", library_version=__version__)


@contextlib.contextmanager
def told(name: HubName) -> Iterator[None]:
    """Tell what goes wrong between here and the server in a sentence, and draw no bars of progress.

    Raises:
        HubError: in place of an error of huggingface_hub.
    """
    errors = extras.need("huggingface_hub.errors", "the Hugging Face Hub", "hub")
    bars = extras.need("huggingface_hub.utils", "the Hugging Face Hub", "hub")
    shown = not bars.are_progress_bars_disabled()
    if shown:
        bars.disable_progress_bars()
    try:
        yield
    except errors.RevisionNotFoundError:
        raise HubError(
            f"{name}: there is no such branch, tag or commit. Leave it away, or look at {_page(name)}"
        ) from None
    except errors.GatedRepoError:
        raise HubError(f"{name} asks for leave first: {_page(name)}. {_LOG_IN}") from None
    except errors.RepositoryNotFoundError:
        raise HubError(
            f"{name} does not exist on {endpoint()}, or is private and not yours to read. Is the name right? {_LOG_IN}"
        ) from None
    except errors.LocalTokenNotFoundError:
        raise HubError(f"{name}: there is no token. {_LOG_IN}") from None
    except errors.OfflineModeIsEnabled:
        raise HubError(f"{name} is not kept here, and HF_HUB_OFFLINE forbids to fetch it. Unset it once.") from None
    except errors.HfHubHTTPError as error:
        raise HubError(f"{name}: {_refusal(error.response)}") from None
    except (errors.HTTPError, errors.LocalEntryNotFoundError) as error:
        why = type(error.__cause__ or error).__name__
        raise HubError(
            f"{name} needs {endpoint()} for this, which does not answer ({why}). Look at the network, and try again."
        ) from None
    except errors.FileMetadataError:
        raise HubError(f"{name}: {endpoint()} does not answer as a Hub does. Is HF_ENDPOINT right?") from None
    except OSError as error:
        if error.errno in FULL:
            raise
        what = "it was cut or altered on the way" if error.errno is None else error.strerror
        raise HubError(f"{name}: a file of it cannot be taken: {what}. Try again.") from None
    finally:
        if shown:
            bars.enable_progress_bars()


_LOG_IN = "A token is taken from where `hf auth login` puts it, or from HF_TOKEN."


def _page(name: HubName) -> str:
    return f"{endpoint()}/{name.repo}"


def _refusal(response: Any) -> str:
    status = response.status_code
    if status == 401:
        return f"{endpoint()} does not know the token. {_LOG_IN}"
    if status == 403:
        return (
            f"the token does not allow this. Give it the right to read, or to write, at {endpoint()}/settings/tokens."
        )
    if status == 412:
        return "somebody else has changed it meanwhile. Look at it, and try again."
    return f"{endpoint()} answers {status}. Try again later."
