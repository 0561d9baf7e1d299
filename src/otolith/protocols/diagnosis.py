"""What a report shows of trained networks beyond scores: t-SNE of their features, and the teacher's judgement of pairs.

Computed where the networks are at hand, left as files that the report draws (docs/rows.md).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from otolith.finetuning.features import encode
from otolith.metrics import teacher_separation
from otolith.model import PretrainedEncoder
from otolith.progress import SILENT, Progress
from otolith.splits import Split
from otolith.system import files
from otolith.training.window_source import Part, Source
from otolith.windows import Windows

MOST = 1500
"""Windows that are looked at: enough to see a structure, few enough for seconds of work."""


def embed_test(
    networks: Mapping[str, nn.Module],
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    seed: int,
    folder: Path,
    progress: Progress = SILENT,
) -> None:
    """t-SNE of test windows under each named network, with the scaler and device of `encoder`, as `tsne_NAME.npy`.

    The same windows whatever the networks: beside them `tsne_y.npy` and `tsne_subject.npy` say whose they are. Nothing
    is written where the test part has too few labelled windows.
    """
    from otolith.protocols.embedding import MIN_POINTS, choose, embed

    shown = split.test[choose(w.y[split.test], seed, MOST)]
    if len(shown) < MIN_POINTS:
        return
    source = Source([Part(w.x, shown)], encoder.scaler, encoder.device)
    with progress.stage("t-SNE", len(networks)) as bar:
        for name, network in networks.items():
            features = encode(network.to(encoder.device), source).cpu().numpy()
            _keep(folder / f"tsne_{name}.npy", embed(features, seed))
            bar.advance()
    _keep(folder / "tsne_y.npy", np.asarray(w.y[shown]))
    _keep(folder / "tsne_subject.npy", np.asarray(w.subject[shown]))


def judge_teacher(encoder: PretrainedEncoder, w: Windows, split: Split, seed: int) -> dict[str, Any] | None:
    """How well the teacher of `encoder` tells validation windows of one activity from those of two.

    None without a teacher, or where the validation windows hold too few activities to judge it by.
    """
    from otolith.protocols.embedding import choose

    judged = split.val[choose(w.y[split.val], seed, MOST)]
    if encoder.teacher is None or not 1 < len(np.unique(w.y[judged])) < len(judged):
        return None
    h = encode(encoder.teacher, Source([Part(w.x, judged)], encoder.scaler, encoder.device)).cpu().numpy()
    return teacher_separation(h, w.y[judged], w.meta.activities)


def _keep(path: Path, array: NDArray[Any]) -> None:
    blob = io.BytesIO()
    np.save(blob, array, allow_pickle=False)
    files.write(path, blob.getvalue())
