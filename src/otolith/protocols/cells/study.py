"""A study: windows, recipe and device that cells of a comparison share, and encoders that are trained once for all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith import methods, metrics, rows
from otolith.errors import CheckpointError, InUseError
from otolith.metrics import Predictions
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.model.joining import alone
from otolith.pipeline import finetune, pretrain
from otolith.pipeline.evaluation import predictions as answers
from otolith.pipeline.evaluation import scores
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import fit_scaler
from otolith.progress import SILENT, Progress
from otolith.protocols.cells.arrays import embed_test, shown
from otolith.protocols.cells.unit import Key, Unit
from otolith.recipes.owed import plugins_of
from otolith.rows import Row, environment, predictions
from otolith.splits import Split
from otolith.system import claims
from otolith.system.files import write
from otolith.system.reading import read_text
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.datasets.base import DatasetInfo
    from otolith.recipes import Recipe


@dataclass(frozen=True)
class Study:
    """A data set under a recipe.

    Attributes:
        folder: keeps pre-trained encoders and the checkpoints of those in training; an encoder that is there is taken.
        pictured: keeps features in the plane, by method and seed, of protocols that show them; None: they are not kept.
        unfinished: keeps checkpoints of classifiers in training, see `place_of`, until whoever stores a row removes
            them; None: they are not kept.
        source: the study of the data set that encoders come from, for a protocol that has another.
        kept: the folder of the rows, which keeps the predictions behind them; None: they are not kept.
    """

    w: Windows
    info: DatasetInfo
    recipe: Recipe
    recipe_name: str
    folder: Path
    device: str = "auto"
    pictured: Path | None = None
    unfinished: Path | None = None
    source: Study | None = None
    kept: Path | None = None

    def keep(self, key: Key, found: Predictions) -> dict[str, Any]:
        """Return the scores of predictions, the result of a row, and keep them beside the rows where those are."""
        if self.kept is not None:
            predictions.keep(self.kept, key, found)
        return metrics.score(found)

    def key(self, protocol: str, split: Split, method: str, seed: int, **more: Any) -> Key:
        """Return the key of a row, see `key_of`."""
        return key_of(protocol, self.w, split, self.recipe, method, seed, **more)

    def meta(self, split: Split, seconds: dict[str, float], records: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the circumstances of a row, see `meta_of`."""
        return meta_of(self.w, split, self.recipe_name, seconds, records)

    def place_of(self, key: Key) -> Path | None:
        """Return the folder of checkpoints of the classifier behind one row."""
        return None if self.unfinished is None else _within(self.unfinished) / rows.key_hash(key)

    def encoder(
        self, split: Split, method: str, seed: int, *, trained: bool = False, progress: Progress = SILENT, **more: Any
    ) -> PretrainedEncoder:
        """Return the encoder of a method, pre-trained on the training windows of `split`, or as it was left here.

        Where another process is training it, this waits and then takes what that process left. An encoder that is
        damaged is named and trained again.

        `trained`: a method that trains end to end is trained on the labels of this data set first, to be frozen.
        `more`: what decides the training windows beside the name of the split.

        Raises:
            CheckpointError: what is here belongs to other data.
        """
        spec = methods.spec(method)
        identity = self.key("encoder", split, method, seed, **more) | {"trained": trained and spec.end_to_end}
        place = _within(self.folder) / rows.key_hash(identity)
        before = self.folder / rows.key_hash(rows.without_content(identity))
        if before.is_dir() and not place.exists():
            place = before  # its scaler tells whether it is of these windows
        scaler = fit_scaler(self.w, split, self.recipe.sensor_settings, scaled=spec.scaled)
        made, _ = self._kept(place, scaler)
        if made is not None:
            shutil.rmtree(place / "checkpoints", ignore_errors=True)  # of one who was killed while removing them
            claims.tidy(place)
            return made
        with claims.hold(place, wait=True, progress=progress):
            made, damage = self._kept(place, scaler)  # another process may have brought it while this one waited
            if damage:
                progress.say(f"The encoder in {place} is damaged and trained again: {damage}")
                shutil.rmtree(place / "model", ignore_errors=True)
            if made is None:
                made = pretrain(
                    self.w,
                    split,
                    self.recipe,
                    method,
                    seed,
                    device=self.device,
                    checkpoints=place / "checkpoints",
                    progress=progress,
                )
                if identity["trained"]:
                    model = finetune(made, self.w, split, checkpoints=place / "checkpoints", progress=progress)
                    made = alone(model.encoder)
                    made.records = model.records
                write(place / "epochs.jsonl", "".join(json.dumps(r, allow_nan=False) + "\n" for r in made.records))
                bundle.save(made, place / "model", self.info, parents=False)
            shutil.rmtree(place / "checkpoints", ignore_errors=True)
        return made

    def tidy(self) -> None:
        """Remove what killed or failed processes left beside encoders that are done, and that nobody works on."""
        for model in self.folder.glob("*/model"):
            with contextlib.suppress(InUseError):
                claims.refuse_if_held(model.parent)
                shutil.rmtree(model.parent / "checkpoints", ignore_errors=True)
                claims.tidy(model.parent)

    def _kept(self, place: Path, scaler: Scaler) -> tuple[PretrainedEncoder | None, str]:
        """Return the encoder that lies here, whole and of these windows, or None, and what is wrong with it."""
        if not (place / "model").is_dir():
            return None, ""
        try:
            found = bundle.load_encoder(place / "model", self.device)
            found.records = [json.loads(line) for line in read_text(place / "epochs.jsonl").splitlines()]
        except bundle.FormatError:
            raise  # whole, but another version's
        except (CheckpointError, OSError, ValueError) as error:
            return None, str(error)
        if found.scaler.to_dict() != scaler.to_dict():
            raise CheckpointError(
                f"{place} holds an encoder of other windows of {self.w.meta.dataset}: the data have changed since. "
                "Choose another --out folder."
            )
        return found, ""


def _within(folder: Path) -> Path:
    """Make a folder in one that is there, and not that one, too: where it has vanished the writer says so."""
    with contextlib.suppress(FileNotFoundError):
        folder.mkdir(exist_ok=True)
    return folder


def key_of(protocol: str, w: Windows, split: Split, recipe: Recipe, method: str, seed: int, **more: Any) -> Key:
    """Return the key of a row (docs/rows.md); two rows of one key are the same experiment.

    Whatever data set `more` names, it also says by the digest of its windows: `unlabelled` with `unlabelled_data`,
    `source` with `source_data`. `plugins` says what it owes to plug-ins, by the digests of their code.
    """
    sets = [w.meta.dataset, *more.get("unlabelled", ()), *([more["source"]] if "source" in more else [])]
    names = dict.fromkeys((protocol, protocol.replace(" ", "-")))  # rows may spell it with spaces
    found = plugins_of(recipe, method, *(("protocol", name) for name in names), *(("data set", name) for name in sets))
    if found:
        more["plugins"] = found
    if split.parts:
        more["split_parts"] = split.parts
    return {
        "protocol": protocol,
        "dataset": w.meta.dataset,
        "data": w.content,
        "split": split.name,
        "split_seed": split.seed,
        "fold": split.fold,
        "recipe": recipe.hash,
        "method": method,
        "seed": seed,
        "k": None,
        "unlabelled": [],
    } | more


def meta_of(
    w: Windows, split: Split, recipe_name: str, seconds: dict[str, float], records: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the circumstances of a row: times, versions, the sizes of the parts, the data's terms.

    `records` are those of each epoch, those before a resume included; `seconds` is of what has no epochs.
    """
    spent: dict[str, list[float]] = {}
    for record in records:
        spent.setdefault(record["stage"], []).append(record["seconds"])
    parts = {"train": split.train, "val": split.val, "test": split.test}
    return {
        "seconds": {stage: sum(each) for stage, each in spent.items()} | seconds,
        "seconds_per_epoch": {stage: sum(each) / len(each) for stage, each in spent.items()},
        "environment": environment(),
        "recipe_name": recipe_name,
        "split": {
            name: {"windows": len(part), "subjects": len(np.unique(w.subject[part]))} for name, part in parts.items()
        },
        "warning": split.warning,
        "terms": w.meta.terms,
    }


def scored_row(
    key: Key,
    model: Model,
    w: Windows,
    split: Split,
    recipe_name: str,
    records: list[dict[str, Any]],
    kept: Path | None = None,
) -> Row:
    """Score a classifier on the test part.

    Args:
        records: those of all epochs behind it.
        kept: the folder of the rows, which keeps the predictions; None: they are not kept.
    """
    began = time.perf_counter()
    found = answers(model, w, split)
    result = scores(found, split) | {"val_macro_f1": model.validation}
    if kept is not None:
        predictions.keep(kept, key, found)
    seconds = {"evaluate": time.perf_counter() - began}
    meta = meta_of(w, split, recipe_name, seconds, records)
    if model.chosen is not None:
        meta["choice"] = dataclasses.asdict(model.chosen)
    return Row(key, result, meta)


def scored(study: Study, protocol: str, split: Split, method: str, seed: int, *, pictured: Path | None = None) -> Unit:
    """Return one cell of Tables I to III: pre-train, fine-tune on all labels of the training subjects, score on others.

    `pictured`: where its test windows' features in the plane go, before the row.
    """
    key = study.key(protocol, split, method, seed)
    fold = "" if split.fold is None else f", fold {split.fold}"

    def run(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        encoder = study.encoder(split, method, seed, progress=progress)
        model = finetune(encoder, study.w, split, checkpoints=study.place_of(key), progress=progress)
        row = scored_row(key, model, study.w, split, study.recipe_name, encoder.records + model.records, study.kept)
        if pictured is not None:
            _within(pictured.parent)
            embed_test({"after": shown(model)}, model.encoder, study.w, split, seed, pictured, progress)
        yield row

    return Unit(f"{method}, seed {seed}{fold}", (key,), run)
