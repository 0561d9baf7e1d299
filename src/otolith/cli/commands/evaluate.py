"""`otolith evaluate`: the last part of the job, scores on subjects that the model has not seen."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from otolith.cli.shared import Data, Device, Flag, ModelFolder, OwnDataset, SplitFile, SplitSeed


def evaluate(
    model: ModelFolder,
    dataset: OwnDataset = None,
    /,
    *,
    part: Literal["train", "val", "test"] = "test",
    data: Data = None,
    turned: Annotated[int | None, Parameter(metavar="SEED")] = None,
    without: Annotated[str | None, Parameter(metavar="SENSOR")] = None,
    as_json: Annotated[Flag, Parameter(name="--json")] = False,
    split: SplitFile = None,
    split_seed: SplitSeed = None,
    device: Device = "auto",
) -> None:
    """Score a model, by default on the test subjects.

    Args:
        part: Subjects to score.
        turned: Turn each recording by a random rotation, as if the device had been worn another way.
        without: Take a sensor away, such as gyro, from a model that was trained to miss it.
        as_json: Print all figures as JSON, fractions rather than percent.
    """
    import json

    from otolith import pipeline
    from otolith.cli import results
    from otolith.cli.shared import data_of
    from otolith.model import bundle
    from otolith.model.place import called
    from otolith.preprocessing import perturb
    from otolith.progress.display import LiveProgress
    from otolith.report.names import dataset_title

    progress = LiveProgress()
    loaded = bundle.load_model(model, device)
    _, w, parts = data_of(loaded.encoder, model, dataset, data, progress, split, split_seed)
    if turned is not None:
        w = perturb.turned(w, turned)
    if without is not None:
        w = perturb.without(w, without, loaded.meta, loaded.encoder.scaler)
    result = pipeline.evaluate(loaded, w, parts, part)
    if as_json:
        result |= {"warning": parts.warning} if parts.warning else {}
        results.write(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        return
    results.show(
        f"{called(model)} on {dataset_title(w.meta.dataset)}: "
        f"{result['n_windows']:,} {part} windows of {results.people(result['n_subjects'])}"
        + ("" if turned is None else f", each recording turned (seed {turned})")
        + ("" if without is None else f", without {without}"),
        results.scores(result, parts.warning),
    )
