"""Publishing of a model on the Hugging Face Hub: what would go where, for a person to agree to, and then the push."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from otolith import __version__
from otolith.export.readme import readme
from otolith.model import bundle, hub
from otolith.model.hub import HubError, HubName
from otolith.model.place import called, place_of
from otolith.system import extras
from otolith.system.reading import read_bytes

PAGE = "README.md"
_BESIDE = {".gitattributes", PAGE, "LICENSE", "LICENSE.md"}
"""Files that a repository may hold before its first model."""
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,39}")


@dataclass(frozen=True, eq=False)
class Publication:
    """All that a push does, before it does anything.

    Attributes:
        name: of the model on the Hub.
        user: whose token it is.
        private: whether only its owners see it.
        files: content by name; nothing else leaves this machine.
        replaces: commit that the push comes after; None: the repository is made.

    >>> Publication(HubName("ada/walks"), "ada", True, {}, None).replaces is None
    True
    """

    name: HubName
    user: str
    private: bool
    files: dict[str, bytes]
    replaces: str | None


def publication(model: str | Path, repo: str, *, private: bool = False, licence: str | None = None) -> Publication:
    """Return what a push of a model would do; nothing is changed anywhere.

    Args:
        model: folder of a model or encoder, of its run, or a name.
        repo: `USER/NAME`, with or without hf:// before it.
        private: only its owners are to see it.
        licence: of the weights, as the Hub spells it ("mit"), for its page.

    Raises:
        CheckpointError: no model, or a damaged one.
        HubError: another kind of name, no token, no network, a public repository of that name where a private one is
            wanted, or one that holds something else.
        RecipeError: the extra `hub` is not installed.
    """
    name = hub.parse(repo if repo.startswith("hf:/") else f"hf://{repo}")
    assert name is not None
    if name.revision:
        raise HubError(f"a push goes to the main branch; give {name.repo} without a revision")
    if licence is not None and not _LICENCE.fullmatch(licence):
        raise HubError(f"{licence!r} is no licence as the Hub spells it, such as mit, apache-2.0 or cc-by-4.0")
    place = place_of(model)
    card = bundle.read_card(place)
    (bundle.load_model if card["kind"] == "model" else bundle.load_encoder)(place, "cpu")
    files = {file: read_bytes(place / file, most) for file, most in hub.FILES.items()}
    files[PAGE] = readme(card, name, licence).encode()
    api, errors = hub.interface(), extras.need("huggingface_hub.errors", "the Hugging Face Hub", "hub")
    with hub.told(name):
        user = str(api.whoami()["name"])
        try:
            found = api.model_info(name.repo, timeout=hub.PATIENCE_S)
        except errors.RepositoryNotFoundError:
            return Publication(name, user, private, files, None)
    held = {each.rfilename for each in found.siblings or ()}
    if bundle.CARD not in held and held - _BESIDE:
        raise HubError(f"{name} is there and holds something else than a model of otolith; choose another name")
    if private and not found.private:
        raise HubError(f"{name} is there and public; make it private at {hub.endpoint()}/{name.repo}/settings first")
    return Publication(name, user, bool(found.private), files, str(found.sha))


def publish(planned: Publication, model: str | Path) -> HubName:
    """Push a model; return its name with the commit that was made.

    Raises:
        HubError: it cannot be done; says why.
    """
    operations = extras.need("huggingface_hub", "the Hugging Face Hub", "hub")
    name = planned.name
    api = hub.interface()
    with hub.told(name):
        if planned.replaces is None:
            api.create_repo(name.repo, private=planned.private)
        add = [operations.CommitOperationAdd(file, content) for file, content in planned.files.items()]
        try:
            done = api.create_commit(
                name.repo,
                add,
                commit_message=f"{called(model)}, by otolith {__version__}",
                parent_commit=planned.replaces,
            )
        except ValueError as error:  # of its own checks of the page
            raise HubError(f"{name}: {' '.join(str(error).split())}") from None
        except RuntimeError as error:
            why = type(error.__cause__ or error).__name__
            raise HubError(
                f"{name}: the upload broke off ({why}), and nothing is there that was not before but perhaps an empty "
                "repository. Give the same command again."
            ) from None
    return HubName(name.repo, str(done.oid))
