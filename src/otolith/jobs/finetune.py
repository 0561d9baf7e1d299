"""Fine-tuning alone: a head on a pre-trained encoder, which is frozen or trained with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import methods, pipeline
from otolith.errors import CheckpointError, RecipeError
from otolith.jobs.folder import checkpoints_beside, refuse_taken
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.model.fingerprint import digest_of
from otolith.progress import SILENT, Progress
from otolith.recipes import load_recipe
from otolith.system import claims
from otolith.system.files import discard, restore

if TYPE_CHECKING:
    from otolith.datasets.base import DatasetInfo
    from otolith.model.card import Credits
    from otolith.recipes import Recipe
    from otolith.splits import Split
    from otolith.windows import Windows


def refuse_unready(out: Path, *, resume: bool = False, job: str = "fine-tuning") -> None:
    """Make sure that a fine-tuning, or another job that leaves a model, may write to `out`, before anything is loaded.

    Raises:
        CheckpointError: `out` holds something, or an unfinished job that `resume` was not asked for.
        InUseError: another process works there.
    """
    checkpoints = checkpoints_beside(out)
    if not written(out, resume):
        refuse_taken(out)
    claims.refuse_if_held(checkpoints)
    restore(out)
    restore(checkpoints)
    if _begun(checkpoints) and not resume:
        raise CheckpointError(f"{checkpoints} holds an unfinished {job}; go on with --resume, or remove it")


def with_labels_of(encoder: PretrainedEncoder, given: Recipe) -> PretrainedEncoder:
    """Return the encoder with the ways of another recipe to use labels; how it was pre-trained stays its own.

    The choices of `best` were found for encoders that it pre-trains itself. On others its votes on frozen features see
    hand-made features beside the learned ones: on development people of `uci-har` that is worth ten points with one
    label an activity (results/README.md).
    """
    # of all settings of methods those of trees alone are about labels, and those of one that trains end to end
    spec = methods.spec(encoder.method)
    mine = {name: settings for name, settings in given.method.items() if methods.spec(name).own_head}
    if spec.end_to_end and encoder.method in given.method:
        mine[encoder.method] = given.method[encoder.method]
    choice = given.choice
    best = load_recipe("best", encoder.meta.dataset)
    own = (encoder.recipe.encoder, encoder.recipe.augment) == (best.encoder, best.augment)
    if choice == best.choice and not own:
        choice = tuple(each.joined(given.finetune) for each in choice)
    labels = {"finetune": given.finetune, "choice": choice, "method": encoder.recipe.method | mine}
    return replace(encoder, recipe=encoder.recipe.model_copy(update=labels))


def with_values(encoder: PretrainedEncoder, overrides: dict[str, Any]) -> PretrainedEncoder:
    """Return the encoder with some values of its recipe replaced, those of fine-tuning: the rest is past.

    Args:
        overrides: values by dotted key, as in {"finetune.encoder": "trained"}.

    Raises:
        RecipeError: another section, or an unknown key or value.
    """
    own = [name for name in methods.names() if methods.spec(name).own_head]
    if methods.spec(encoder.method).end_to_end and encoder.method not in own:
        own.append(encoder.method)
    allowed = ["finetune", "choice", *(f"method.{name}" for name in own)]
    for key in overrides:
        if key != "choice" and not key.startswith(tuple(f"{section}." for section in allowed)):
            raise RecipeError(
                f"--set {key}: the encoder is there already, so only values of {' or '.join(allowed)} can be replaced, "
                "such as finetune.penalty=3"
            )
    return replace(encoder, recipe=load_recipe(encoder.recipe, encoder.meta.dataset, overrides))


def run(
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    info: DatasetInfo,
    out: Path,
    *,
    seed: int | None = None,
    resume: bool = False,
    device: str = "auto",
    progress: Progress = SILENT,
) -> Model:
    """Train a head on `encoder` and leave both as a bundle in `out`, which `refuse_unready` has looked at.

    Args:
        info: of the data set that `w` was cut from; its terms go into the bundle.
        seed: of the head; None: the encoder's.
        resume: go on from the checkpoints beside `out`.
        device: to load what an interrupted fine-tuning left in `out`.

    Raises:
        CheckpointError: `out` holds another model.
        TrainingError, DataError: see `otolith.finetune`.
    """
    checkpoints = checkpoints_beside(out)
    before = written(out, resume)
    try:
        model = pipeline.finetune(encoder, w, split, seed=seed, checkpoints=checkpoints, progress=progress)
    finally:
        with suppress(OSError):
            checkpoints.rmdir()  # where nothing was saved
    leave(model, out, info, before, device)
    return model


def leave(model: Model, out: Path, info: DatasetInfo | Credits | None, before: bool, device: str) -> None:
    """Save a model whose job is done in `out`, and remove its checkpoints.

    Args:
        before: whether `written` said so when the job began.
        device: to load what an interrupted job left in `out`.

    Raises:
        CheckpointError: `out` holds another model.
    """
    if before and digest_of(bundle.load_model(out, device).network()) != digest_of(model.network()):
        refuse_taken(out)
    bundle.save(model, out, info)
    discard(checkpoints_beside(out))


def _begun(checkpoints: Path) -> bool:
    return any(checkpoints.glob("*/epoch-*"))


def written(out: Path, resume: bool) -> bool:
    """Return whether a job was killed between the last file of its bundle and its end."""
    return resume and _begun(checkpoints_beside(out)) and (out / bundle.CARD).is_file()
