"""`otolith push`: a model on the Hugging Face Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from otolith.cli.shared import Flag, ModelFolder

if TYPE_CHECKING:
    from otolith.cli.results import Lines
    from otolith.export.publish import Publication


def push(
    model: ModelFolder,
    repo: Annotated[str, Parameter(metavar="USER/NAME")],
    /,
    *,
    private: Flag = False,
    licence: Annotated[str | None, Parameter(metavar="NAME")] = None,
    yes: Flag = False,
) -> None:
    """Publish a model on the Hugging Face Hub: its weights, its card, and a page that is drawn from the card.

    What goes where is said first, and done when you agree. Nothing else leaves this machine, no recording above all.
    Afterwards `hf://USER/NAME` stands wherever a model folder may. It needs the extra `hub`; the token is taken from
    where `hf auth login` puts it, or from HF_TOKEN.

    Args:
        repo: The model's name there; the repository is made, or gets another commit.
        private: Make a repository that only its owners see.
        licence: Licence of the weights for its page, as the Hub spells it, such as mit.
        yes: Publish without asking.
    """
    from otolith.cli import results
    from otolith.cli.terminal import terminal
    from otolith.export.publish import HubError, publication, publish
    from otolith.model import bundle
    from otolith.model.place import called
    from otolith.progress.display import LiveProgress

    planned = publication(model, repo, private=private, licence=licence)
    progress = LiveProgress()
    card = bundle.read_card(model)
    results.show(f"{called(model)} as {planned.name}", [*_said(planned, results.terms_of(card)), *_passed_on(card)])
    if not yes:
        person = terminal(progress)
        if person is None:
            raise HubError(
                "nothing was published: there is no terminal to agree at. Read what it would do, and add --yes."
            )
        if not person.agree("Publish that?"):
            raise HubError("nothing was published.")
    done = publish(planned, model)
    results.show("Published", [("name", str(planned.name)), ("this commit", str(done))])


def _said(planned: Publication, terms: list[str]) -> Lines:
    """Return what a push does, for a person to agree to."""
    from otolith.model.hub import endpoint

    whom = "private: its owners alone see it" if planned.private else "PUBLIC: everybody sees it, and may keep a copy"
    before = "a new repository" if planned.replaces is None else f"a commit after {planned.replaces[:12]}, which stays"
    return [
        ("to", f"{endpoint()}/{planned.name.repo}, {before}"),
        ("visible", whom),
        ("by", planned.user),
        *(("file", f"{name}   {len(content):,} bytes") for name, content in planned.files.items()),
        ("says", "name, terms and activities of the data, all settings, versions and the processor; no recording"),
        *(("terms", each) for each in terms),
    ]


def _passed_on(card: dict[str, Any]) -> Lines:
    """Return for what the terms of the data, each by itself, let weights be passed on."""
    from otolith import datasets
    from otolith.cli.commands.data import MODELS

    named = [card["data"]["dataset"], *(card.get("distilled") or {}).get("datasets", ())]
    parts = dict.fromkeys(part for name in named for part in name.removesuffix("+").split("+"))
    lines = []
    for name in parts:
        own = "recordings of your own: publish what has learned from them if those who recorded agree"
        known = name in datasets.names()
        lines.append((f"of {name}", MODELS.get(datasets.info(name).models, MODELS["ask"]) if known else own))
    return lines
