"""`otolith distill`: a small student of a trained model, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from otolith.cli.shared import Data, Device, Flag, Folder, ModelFolder, Seed, SplitFile, SplitSeed

if TYPE_CHECKING:
    from otolith.cli.results import Lines
    from otolith.model import Model

DistilOverrides = Annotated[
    list[str] | None,
    Parameter(
        name="--set",
        metavar="KEY=VALUE",
        consume_multiple=(1, None),
        help="Values of the student's recipe to replace, such as method.distilled.epochs=10 encoder.width=48.",
    ),
]


def distill(
    model: ModelFolder,
    /,
    *datasets: Annotated[str, Parameter(metavar="DATASET", help="Names of data sets, or folders of your own.")],
    out: Folder = Path("student"),
    kilobytes: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 100.0,
    data: Data = None,
    split: SplitFile = None,
    split_seed: SplitSeed = None,
    seed: Seed = 0,
    overrides: DistilOverrides = None,
    resume: Flag = False,
    device: Device = "auto",
) -> None:
    """Make a small model that answers as a given one, by its answers and features on recordings without labels.

    The student is a model like others: predict, evaluate, live and export take it, and `otolith export STUDENT FILE.h`
    writes it in C for microcontrollers. Labels of the recordings are not looked at; people whom the data set's own
    split tests are left out.

    Args:
        out: Folder for the student. Until it is done, checkpoints lie beside it in DIR-checkpoints.
        kilobytes: Most thousand bytes that the student takes as int8.
        seed: Seed of the student's weights and order.
        resume: Go on from the checkpoints of an interrupted distillation.
    """
    from otolith import datasets as known
    from otolith import showing, splits
    from otolith.cli import results
    from otolith.cli.shared import Interrupted, parse_overrides
    from otolith.errors import DataError
    from otolith.jobs import distill as job
    from otolith.jobs.finetune import refuse_unready
    from otolith.jobs.folder import checkpoints_beside
    from otolith.jobs.seen import refuse_other_split
    from otolith.model import bundle
    from otolith.model.place import called
    from otolith.model.windows import windows_for_encoder
    from otolith.progress.display import LiveProgress

    if not datasets:
        raise DataError("distill learns from recordings; name a data set or its folder after the model")
    refuse_unready(out, resume=resume, job="distillation")
    progress = LiveProgress()
    loaded, card = bundle.load_model(model, device), bundle.read_card(model)
    values = parse_overrides(overrides)
    parts, lines = [], []
    for name in datasets:
        found = known.load(name, data)
        if found.info.name == loaded.meta.dataset:
            found = splits.with_split(found, split, split_seed)
        with progress.stage(f"windows of {found.info.name}", 1) as bar:
            w = windows_for_encoder(found, loaded.encoder, unlabelled=True)
            bar.advance()
        own = job.split_of(w, found.info)
        if own is not None:
            refuse_other_split(loaded.encoder, model, w, own)
        seen, held, n_test = job.parts_of(w, own)
        parts.append((seen, held))
        left = f"; {n_test:,} of people whom its split tests are left out" if n_test else ""
        lines.append(("data", f"{results.data_line(found, w)}{left}"))
    results.show(f"distill {called(model)}", lines, progress.console)
    try:
        student = job.run(
            loaded,
            parts,
            card,
            out,
            kilobytes=kilobytes,
            overrides=values,
            seed=seed,
            resume=resume,
            device=device,
            progress=progress,
        )
    except KeyboardInterrupt:
        if not any(checkpoints_beside(out).glob("*/epoch-*")):
            raise
        raise Interrupted(checkpoints_beside(out)) from None
    following = showing.command("export", out, f"{out}.h")
    results.show("Distilled", [*_kept(student), ("student", str(out)), ("next", following)])


def _kept(student: Model) -> Lines:
    """Return how well a student agrees with its teacher, and its size."""
    from otolith.cli.results import people
    from otolith.nets.integers import bytes_of
    from otolith.report.names import percent

    found, sizes = student.distilled, student.encoder.recipe.encoder
    assert found is not None
    whose = (
        f"{people(found.people_held)} of whom it learnt nothing"
        if found.people_held
        else "the same people as those it learnt from, so that new people may fare worse"
    )
    size = bytes_of(sizes.width, len(student.meta.channels), len(student.activities), sizes.kernels)
    return [
        ("agreement", f"{percent(found.same)} % of {found.n_held:,} windows get the model's activity"),
        ("", f"macro F1 {percent(student.validation)} % with its answers for labels; {whose}"),
        ("unknown", f"the model's flag for {percent(found.same_unknown)} % of them"),
        ("size", f"{sizes.width} maps, about {size / 1000:.0f} kB as int8"),
    ]
