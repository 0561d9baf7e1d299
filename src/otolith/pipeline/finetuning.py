"""Second stage of the framework (Fig. 2): a head learns from labelled windows, on a frozen encoder or with it."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from otolith import methods, metrics
from otolith.augment import SignalSpec
from otolith.calibration import fit_calibration
from otolith.errors import TrainingError
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.features import encode
from otolith.finetuning.fitting import fit_layers
from otolith.finetuning.heads import Labelled, build_head, predict, refuse_too_few, standardise
from otolith.finetuning.settings import FinetuneSettings, HeadSettings, TreeSettings
from otolith.finetuning.unlabelled import Pool
from otolith.finetuning.updates import EndToEnd
from otolith.finetuning.vote import of_linear
from otolith.methods import MethodSpec
from otolith.model import Model, PretrainedEncoder, must_fit
from otolith.model.fingerprint import digest_of, of_finetuning, short_digest
from otolith.model.joining import as_asked, learned
from otolith.model.seen import seen
from otolith.nets.heads import layers_of, pooled
from otolith.pipeline import choice, voting
from otolith.pipeline.pretraining import OnEpoch
from otolith.pipeline.without_labels import rows_without_labels
from otolith.preprocessing.sensors import fit_scaler
from otolith.progress import HERE, Progress
from otolith.splits import Split
from otolith.splits.base import refuse_shared
from otolith.system import claims
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.window_source import Part, Source, Varied
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe


def finetune(
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    *,
    settings: HeadSettings | None = None,
    seed: int | None = None,
    frozen: bool | None = None,
    checkpoints: Path | None = None,
    progress: Progress = HERE,
    on_epoch: OnEpoch | None = None,
) -> Model:
    """Train a head on the frozen encoder's features of the labelled training windows (Section III-E).

    The features are computed once, in eval mode; the encoder stays bit-identical. Windows of another data set than
    the encoder's get a scaler of their own, fitted on their training windows. For the `supervised` method, and where
    `settings.encoder` is "trained", a copy of the encoder is trained too, end to end, from the weights that it has.

    Where the settings ask for joined features, the model's encoder is the given one with hand-made features beside it
    (`otolith.model.joining`).

    Where the recipe's `robust` section asks for changes, the head learns and is judged on changed copies of the windows
    too, `robust.copies` of each.

    The model is calibrated on the labelled validation windows (`otolith.calibration`) where there are enough of them;
    its activities do not depend on that.

    Args:
        encoder: of `otolith.pretrain`.
        w: windows (n, channels, time) in m/s² and rad/s, with labels.
        split: its training part is learnt from, its validation part selects the epoch and calibrates.
        settings: None takes the recipe's `finetune` section, or the best of its choices (`otolith.pipeline.choice`), or
            the method's own where it trains end to end or fits a head of its own.
        seed: of the head and the order of the windows; None takes the encoder's.
        frozen: whether the encoder stays as it is; None: unless the method trains end to end or the settings say so. A
            supervised encoder is frozen to be transferred (Section V-C).
        checkpoints: folder to save epochs in, ten seconds of training apart or more, and to go on from if it holds some
            of the same encoder. Those of other encoders are left alone.
        on_epoch: told a record (stage, epoch, loss, val_macro_f1, lr, seconds) after each epoch.

    Raises:
        DataError: a split whose parts share subjects; windows of other channels, rate or length, or without the
            hand-made features that shall be joined.
        TrainingError: no labelled validation windows, or fewer than two activities to learn.
        CheckpointError: checkpoints of another job.
        InUseError: another process trains in the folder of checkpoints.
        StorageError: a checkpoint cannot be written.

    >>> import otolith
    >>> x = np.random.default_rng(0).standard_normal((60, 6, 30)).astype(np.float32)
    >>> w = Windows.from_arrays(x, np.arange(60) % 2, np.arange(60) // 6, activities=("still", "walk"))
    >>> split = otolith.splits.automatic(w, 0)
    >>> encoder = otolith.pretrain(w, split, method="random")
    >>> model = finetune(encoder, w, split, settings=FinetuneSettings(epochs=2))
    >>> model.predict_proba(x).shape
    (60, 2)
    """
    must_fit(w.meta, encoder.meta, "the windows to fine-tune on")
    refuse_shared(split, w)
    spec = methods.spec(encoder.method)
    seed = encoder.seed if seed is None else seed
    train_rows, val_rows = (part[w.y[part] >= 0] for part in (split.train, split.val))
    if not len(train_rows):
        raise TrainingError(
            f"split {split.name} has no labelled training windows. Label some, or choose another split."
        )
    if settings is None and encoder.recipe.choice and not (spec.own_head or (spec.end_to_end and not frozen)):

        def train(settings: FinetuneSettings, listener: OnEpoch | None) -> Model:
            more: dict[str, Any] = {"checkpoints": checkpoints, "progress": progress, "on_epoch": listener}
            return finetune(encoder, w, split, settings=settings, seed=seed, frozen=frozen, **more)

        n_each = choice.labels_each(w, train_rows)
        found = choice.candidates(encoder.recipe, n_each, frozen)
        return choice.choose(found, train, n_each, len(val_rows), on_epoch)
    settings, trained = end_to_end(spec, encoder.recipe, settings, frozen)
    if isinstance(settings, FinetuneSettings) and settings.head == "vote":
        kept: dict[str, Any] = {"checkpoints": checkpoints, "progress": progress, "on_epoch": on_epoch}
        first = finetune(encoder, w, split, settings=of_linear(settings), seed=seed, frozen=not trained, **kept)
        return voting.vote(first, encoder, w, split, settings, seed, progress=progress, on_epoch=on_epoch)
    same = "" in (w.meta.content, encoder.meta.content) or w.meta.content == encoder.meta.content
    own = w.meta.dataset == encoder.meta.dataset and same  # a name alone may be that of other recordings
    scaler = encoder.scaler if own else fit_scaler(w, split, encoder.recipe.sensor_settings, scaled=spec.scaled)
    begun = own and encoder.seen and encoder.split == split.identity  # its training windows are among those seen
    learnt = encoder.seen | seen((w, split.val if begun else np.concatenate([split.train, split.val])))
    base = as_asked(replace(encoder, scaler=scaler, meta=w.meta, split=split.identity, seen=learnt), settings)
    device = base.device
    y = torch.from_numpy(np.array(w.y)).to(device)

    rows = np.concatenate([train_rows, val_rows])
    signal = SignalSpec.of(w.meta, scaler)
    vary = encoder.recipe.variation(signal)
    copies = encoder.recipe.robust.copies if vary.items else 0
    both = Varied(Source([Part(w.x, rows)], scaler, device), vary, copies, seed)
    labels = both.parts(y[rows].repeat(1 + copies), len(train_rows))
    training_classes = tuple(int(c) for c in np.unique(w.y[train_rows]))
    n_classes = len(w.meta.activities)
    head = build_head(base.network.n_features, n_classes, settings, seed, base.network.flattened).to(device)
    whole = None
    if trained:
        assert isinstance(settings, FinetuneSettings)
        base.network = copy.deepcopy(base.network)
        whole = EndToEnd(base.network, encoder.recipe.changes(settings, signal))
    features = pooled(base.network, head)
    rest: list[Tensor] = []
    takes_labels = isinstance(settings, FinetuneSettings) and settings.unlabelled != "none" and not trained
    if (settings.standardise or takes_labels) and len(train_rows) < len(split.train):
        unlabelled = Source([Part(w.x, rows_without_labels(w, split, seed))], scaler, device)
        rest = [encode(features, unlabelled, title="features without labels", progress=progress)]
    if settings.standardise or not trained:
        inputs = both.parts(encode(features, both, progress=progress), len(train_rows))
        standardise(head, settings, [inputs[0], *rest], also=[inputs[1]])
    if trained:
        inputs = both.parts(torch.cat(list(both.in_order(4096))), len(train_rows))

    def score(y_true: Tensor, y_pred: Tensor) -> float:
        return metrics.macro_f1(y_true.cpu().numpy(), y_pred.cpu().numpy(), training_classes, n_classes)

    folder = None
    if checkpoints is not None:
        identity = of_finetuning(base, w, split, split.train if rest else train_rows, val_rows, settings, seed, trained)
        # A frozen encoder's weights are in no checkpoint: a head never goes on with those of another one.
        name = f"finetune-{digest_of(learned(encoder.network))}"
        if encoder.recipe.choice:  # candidates have a folder each
            name += f"-{short_digest(settings)}"
        folder = CheckpointFolder(checkpoints / name, identity)
    with claims.hold(checkpoints) if checkpoints is not None else nullcontext():
        known, judged = Labelled(inputs[0], labels[0]), Labelled(inputs[1], labels[1])
        if takes_labels and sum(map(len, rest)) > 1:
            assert isinstance(settings, FinetuneSettings)
            refuse_too_few(known, judged, "finetune")  # before labels are found that nobody gave
            known = Pool(rest, seed).join(known, settings, seed)
        more: dict[str, Any] = {"n_classes": n_classes, "score": score, "checkpoints": folder}
        more |= {"progress": progress, "on_epoch": on_epoch}
        if trained:
            assert isinstance(settings, FinetuneSettings)
            joint = nn.Sequential(base.network, head)
            records = train_classifier(joint, known, judged, settings, seed, whole=whole, **more)
        else:
            records = fit_layers(layers_of(head), known, judged, settings, seed, **more)
    best = records[records[-1]["best_epoch"] - 1]["val_macro_f1"]
    if trained:  # the features are others now
        inputs = both.parts(encode(features, both), len(train_rows))
        standardise(head, None, inputs)
    parts = (inputs[0], labels[0]), (inputs[1], labels[1])
    calibration = fit_calibration(*parts, predict(layers_of(head.eval()), inputs[1]), dataset=w.meta.dataset)
    return Model(base, head, w.meta.activities, training_classes, settings, seed, best, records, calibration)


def end_to_end(
    spec: MethodSpec, recipe: Recipe, settings: HeadSettings | None = None, frozen: bool | None = None
) -> tuple[HeadSettings, bool]:
    """Return the settings of a fine-tuning, and whether the encoder is trained too.

    Args:
        settings, frozen: as of `finetune`.

    Raises:
        TrainingError: trees, or a solver without steps, for an encoder that is trained.

    >>> from otolith.recipes import load_recipe
    >>> recipe = load_recipe("compact", "watch")
    >>> end_to_end(methods.spec("supervised"), recipe)[1], end_to_end(methods.spec("dynamic"), recipe)[1]
    (True, False)
    """
    if settings is None:
        own = spec.own_head or (spec.end_to_end and not frozen)
        settings = recipe.settings_of(spec.name) if own else recipe.finetune
    if isinstance(settings, FinetuneSettings) and settings.head == "trees":
        if spec.end_to_end and not frozen:
            raise TrainingError(
                f"the method {spec.name} trains its encoder, which trees cannot; set its head to 'mlp' or 'linear'"
            )
        settings = recipe.settings_of("classical")
    if isinstance(settings, TreeSettings):
        return settings, False
    trained = spec.end_to_end or settings.encoder == "trained" if frozen is None else not frozen
    if not (spec.end_to_end and trained):  # the card of a model says what was done
        unlabelled = "none" if trained else settings.unlabelled
        try:
            settings = replace(settings, encoder="trained" if trained else "frozen", unlabelled=unlabelled)
        except ValueError as error:
            raise TrainingError(f"with frozen false the encoder is trained: {error}.") from None
    return settings, trained
