"""Whole data sets that no training saw: train on some, test on another, in activities that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.protocols.spec import ProtocolSpec

if TYPE_CHECKING:
    from otolith.metrics import Predictions
    from otolith.model import Model
    from otolith.progress import Progress
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Key, Unit
    from otolith.rows import Row
    from otolith.splits import Split
    from otolith.windows import Windows


@dataclass(frozen=True)
class CrossDataset:
    """Options of the comparison between data sets.

    Attributes:
        train: A data set of the pool that trains; give it several times, and all others are tested on. Default: each
            data set is tested on once, and all others train.
        without: A sensor to take away in the test, such as gyro; give it several times. Default: none.
    """

    train: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def units(study: Study, methods: Sequence[str], seeds: int, options: CrossDataset) -> Iterator[Unit]:
    """Yield each method with each seed and each choice of training data sets; one model for all that it is tested on.

    Raises:
        DataError: one data set alone, or `train` leaves none to test on.
    """
    from otolith import splits

    known = splits.datasets_of(study.w)
    rest = [name for name in known if name not in options.train]
    if options.train:
        if not rest:
            raise DataError("every data set trains and none is left to test on; name more in --dataset.")
        dealt = [(options.train, tuple(rest))]
    else:
        dealt = [(tuple(other for other in known if other != name), (name,)) for name in known]
    for seed in range(seeds):
        for train, tests in dealt:
            for method in methods:
                yield _unit(study, train, tests, options.without, method, seed)


def _unit(
    study: Study, train: Sequence[str], tests: Sequence[str], without: Sequence[str], method: str, seed: int
) -> Unit:
    from otolith import splits
    from otolith.pipeline import finetune
    from otolith.protocols.cells.unit import Unit

    by_test = {test: splits.between_datasets(study.w, train, test) for test in tests}
    more = {"train": sorted(train), "without": sorted(without)}
    keys = {test: study.key(SPEC.in_rows, by_test[test], method, seed, test=test, **more) for test in tests}

    def run(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        first = by_test[tests[0]]
        # one encoder and one model, whatever is tested: what tests has no part in training
        encoder = study.encoder(first, method, seed, progress=progress, train=more["train"])
        kept = study.place_of(keys[tests[0]])
        model = finetune(encoder, study.w, first, checkpoints=kept, progress=progress)
        for test, split in by_test.items():
            if keys[test] in missing:
                records = encoder.records + model.records
                yield _row(keys[test], model, study, split, without, records)

    return Unit(
        f"{method}, seed {seed}, from {' and '.join(train)} to {' and '.join(tests)}", tuple(keys.values()), run
    )


def _row(
    key: Key, model: Model, study: Study, split: Split, without: Sequence[str], records: list[dict[str, Any]]
) -> Row:
    from dataclasses import asdict
    from functools import partial

    from otolith.protocols.cells.study import meta_of
    from otolith.rows import Row

    keep = partial(study.keep, key)
    result = scores_on(model, study.w.take(split.test), without, keep) | {"val_macro_f1": model.validation}
    meta = meta_of(study.w, split, study.recipe_name, {}, records)
    if model.chosen is not None:
        meta["choice"] = asdict(model.chosen)
    return Row(key, result, meta)


def scores_on(
    model: Model,
    w: Windows,
    without: Sequence[str] = (),
    keep: Callable[[Predictions], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the scores of a model on labelled windows of a pool, as `otolith.metrics.evaluate` gives them, and in
    `coarse` those of still, on foot and running.

    Args:
        w: labelled windows in the model's activities.
        without: sensors to take away before.
        keep: gives the scores of predictions, and may keep them; None: `otolith.metrics.score`.

    Raises:
        DataError: the model cannot do without one of the sensors.
    """
    import numpy as np

    from otolith import metrics
    from otolith.datasets.pooled import COARSE
    from otolith.pipeline.evaluation import predictions_of
    from otolith.preprocessing.perturb import without as taken_away

    for sensor in without:
        w = taken_away(w, sensor, model.meta, model.encoder.scaler)
    proba = model.predict_proba(w.x)
    predicted = proba.argmax(1)
    names, truth, who = w.meta.activities, w.y, w.subject
    result = (keep or metrics.score)(predictions_of(w, np.arange(len(w)), predicted, proba, model.training_classes))
    coarse = list(dict.fromkeys(COARSE.get(name, name) for name in names))
    index = [coarse.index(COARSE.get(name, name)) for name in names]
    trained = sorted({index[c] for c in model.training_classes})
    true, found = ([index[c] for c in each] for each in (truth, predicted))
    scored = metrics.evaluate(true, found, who, coarse, trained)
    kept = ("macro_f1", "per_class_f1", "confusion", "activities", "interval", "per_subject")
    result["coarse"] = {name: scored[name] for name in kept}
    return result


SPEC = ProtocolSpec(
    name="cross-dataset",
    title="Across data sets",
    line="train on some data sets, test on whole others",
    section="",
    units=units,
    options=CrossDataset,
    fields=("train", "test", "without"),
)
