"""`otolith calibrate`: temperature and threshold of "unknown" for an existing model."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from otolith.cli.reading import READING, Flat, as_dataset
from otolith.cli.shared import Data, Device, Folder, ModelFolder, OwnDataset, SplitFile, SplitSeed


def calibrate(
    model: ModelFolder,
    dataset: OwnDataset = None,
    /,
    *,
    out: Folder | None = None,
    data: Data = None,
    false_unknowns: Annotated[float, Parameter(metavar="SHARE")] = 0.05,
    score: Literal["both", "distance", "energy", "probability"] = "both",
    split: SplitFile = None,
    split_seed: SplitSeed = None,
    device: Device = "auto",
    reading: Flat = READING,
) -> None:
    """Fit the temperature of a model and its threshold of "unknown" on validation subjects.

    `otolith run` and `otolith finetune` calibrate already; this command is for older models, and for another share of
    false unknowns or another score.

    Args:
        out: Folder for the calibrated model; default: in place of the model.
        false_unknowns: Share of validation windows of known activities that may be called unknown.
        score: Score that decides on "unknown"; see docs/deploy.md.
    """
    import dataclasses

    from otolith import metrics
    from otolith.cli import results
    from otolith.cli.shared import data_of
    from otolith.errors import CheckpointError
    from otolith.jobs.folder import refuse_taken
    from otolith.model import bundle
    from otolith.model.place import called, owner, place_of
    from otolith.pipeline.calibration import calibrate as fit
    from otolith.progress.display import LiveProgress

    if out is not None:
        refuse_taken(out)
    elif whose := owner(model):
        raise CheckpointError(f"{called(model)} {whose} and stays as it is; give a folder for yours: --out DIR")
    progress = LiveProgress()
    loaded = bundle.load_model(model, device)
    with as_dataset(dataset, reading.options(), progress) as source:
        found, w, parts = data_of(loaded.encoder, model, source, data, progress, split, split_seed)
    new = fit(loaded, w, parts, score=score, false_unknowns=false_unknowns, progress=progress)
    done = new.calibration
    assert done is not None
    try:
        folder = bundle.save(new, out or place_of(model), found.info)
    except OSError as error:
        raise CheckpointError(f"{out or model} cannot be written ({error.strerror}); give another --out") from None
    lines = [
        ("temperature", f"{done.temperature:.3f}   from {done.n_windows:,} validation windows"),
        ("unknown", f"above a score of {done.threshold:.4g}: {false_unknowns:.3g} of them ({score})"),
    ]
    test = parts.test[w.y[parts.test] >= 0]
    if len(test):
        before, after = (
            metrics.expected_calibration_error(m.predict_proba(w.x[test]), w.y[test])
            for m in (dataclasses.replace(loaded, calibration=None), new)
        )
        lines.append(("on test", f"expected calibration error {100 * before:.1f} % before, {100 * after:.1f} % after"))
        share = new.assess(w.x[test]).unknown.mean()
        lines.append(("", f"{100 * share:.1f} % of {len(test):,} windows of known activities called unknown"))
    results.show("Calibrated", [*lines, ("model", str(folder))])
