"""`otolith tune`: a search over recipe values."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from otolith import methods
from otolith.cli.shared import AnyDataset, Data, Device, Folder, Overrides, RecipeName, Seed, SplitFile, SplitSeed


def tune(
    dataset: AnyDataset = "watch",
    /,
    *,
    vary: Annotated[list[str], Parameter(metavar="KEY=RANGE", consume_multiple=(1, None))],
    out: Folder,
    trials: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20,
    folds: Annotated[int, Parameter(validator=validators.Number(gte=2))] = 3,
    metric: Annotated[str, Parameter(metavar="NAME")] = "macro_f1",
    recipe: RecipeName = "best",
    method: Annotated[str, Parameter(help=f"{methods.listed()}.")] = "dynamic",
    data: Data = None,
    seed: Seed = 0,
    overrides: Overrides = None,
    split: SplitFile = None,
    split_seed: SplitSeed = None,
    device: Device = "auto",
) -> None:
    """Search for recipe values, judged on folds of the people who train and validate.

    Nobody who tests is looked at, so that `otolith run --recipe DIR/best.toml` may be scored on them afterwards. The
    same command goes on after a stop, and further trials join.

    Args:
        vary: Values that may vary: KEY=LOW..HIGH, KEY=LOW..HIGH:log or KEY=[one, another], such as
            pretrain.lr=1e-4..1e-2:log.
        out: Folder for rows, best.toml, trials.csv and history.svg.
        trials: How many values are tried.
        folds: Folds of people, each of which judges once.
        metric: What is judged by (`otolith score --list`).
        seed: Seed of the folds, of training and of the proposals.
    """
    from otolith import showing
    from otolith.cli import results
    from otolith.cli.shared import Interrupted, parse_overrides
    from otolith.jobs import tune as job
    from otolith.progress.display import LiveProgress

    progress = LiveProgress()
    search = job.plan(
        dataset,
        vary,
        out,
        recipe=recipe,
        method=method,
        trials=trials,
        folds=folds,
        seed=seed,
        metric=metric,
        root=data,
        overrides=parse_overrides(overrides),
        split=split,
        split_seed=split_seed,
        device=device,
        progress=progress,
    )
    try:
        done = job.run(search, progress)
    except KeyboardInterrupt:
        raise Interrupted(out, resume=False) from None
    found = job.best(search, done)
    failed = sum(trial.score is None for trial in done)
    lines = [("trials", f"{len(done)}" + (f", {failed} of which could not be trained" if failed else ""))]
    if found is not None:
        same = {"data": data, "split": split, "split_seed": split_seed}
        values = ", ".join(f"{key} = {value}" for key, value in found.values.items())
        lines += [
            ("best", f"{found.score:.4f} {metric}, mean of {folds} folds, trial {found.number}"),
            ("values", values),
            ("recipe", str(out / "best.toml")),
            ("history", f"{out / 'trials.csv'}, {out / 'history.svg'}"),
            ("next", showing.command("run", dataset, method=method, recipe=out / "best.toml", **same)),
        ]
    results.show(f"{method} on {dataset}", lines)
