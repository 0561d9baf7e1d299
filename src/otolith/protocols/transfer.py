"""Transfer (Section V-C, Table IV): pre-train on one data set, freeze, fine-tune on another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.protocols.spec import ProtocolSpec

if TYPE_CHECKING:
    from otolith.progress import Progress
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Key, Unit
    from otolith.rows import Row
    from otolith.splits import Split


@dataclass(frozen=True)
class Source:
    """Options of transfer.

    Attributes:
        source: The data set, or the folder of your own, that encoders are pre-trained on; the recipe is for it.
    """

    source: str | None = None


def source_of(options: Source) -> str:
    """Return the data set to pre-train on.

    Raises:
        DataError: none is named.
    """
    if options.source is None:
        raise DataError("transfer needs a data set to pre-train on: --source NAME")
    return options.source


def units(study: Study, methods: Sequence[str], seeds: int, options: Source) -> Iterator[Unit]:
    """Yield each method with each seed: the encoder from the source's training subjects, the head from the target's.

    The source's recipe decides everything, the head's training too; the scaler is fitted anew on the target's training
    windows. A method that trains end to end learns the source's labels, and is then treated like the others: frozen, or
    trained with the head where the recipe's `finetune.encoder` says so.
    """
    from otolith import splits

    source = study.source
    assert source is not None
    at_home = splits.default(source.w, source.info)
    split = splits.default(study.w, study.info)
    for seed in range(seeds):
        for method in methods:
            yield _unit(source, at_home, study, split, method, seed)


def _unit(source: Study, at_home: Split, target: Study, split: Split, method: str, seed: int) -> Unit:
    from otolith.methods import spec
    from otolith.pipeline import finetune
    from otolith.protocols.cells.study import key_of, scored_row
    from otolith.protocols.cells.unit import Unit

    home = source.w.meta.dataset
    key = key_of(SPEC.in_rows, target.w, split, source.recipe, method, seed, source=home, source_data=source.w.content)

    def run(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        encoder = source.encoder(at_home, method, seed, trained=True, progress=progress)
        model = finetune(
            encoder,
            target.w,
            split,
            frozen=source.recipe.finetune.encoder == "frozen",
            settings=None if spec(method).own_head or source.recipe.choice else source.recipe.finetune,
            checkpoints=target.place_of(key),
            progress=progress,
        )
        records = encoder.records + model.records
        yield scored_row(key, model, target.w, split, target.recipe_name, records, target.kept)

    return Unit(f"{method}, seed {seed}, from {home} to {target.w.meta.dataset}", (key,), run)


SPEC = ProtocolSpec(
    name="transfer",
    title="Transfer",
    line="encoders of one data set, heads on another",
    section="Section V-C, Table IV",
    units=units,
    options=Source,
    fields=("source",),
    source=source_of,
)
