"""Arrays of trained networks that a report draws (docs/rows.md): t-SNE (Fig. 5), and how the teacher judges pairs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from otolith import methods
from otolith.errors import DataError
from otolith.finetuning.features import encode
from otolith.metrics import teacher_separation
from otolith.model import Model, PretrainedEncoder
from otolith.model.joining import learned
from otolith.nets.heads import seen_by
from otolith.progress import SILENT, Progress
from otolith.splits import Split
from otolith.system import files
from otolith.training.window_source import Part, Source
from otolith.windows import Windows

MAX_POINTS = 1500
"""Windows in one picture: enough to see its structure, few enough for seconds of work."""

MIN_POINTS = 8


def embed_test(
    networks: Mapping[str, nn.Module],
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    seed: int,
    folder: Path,
    progress: Progress = SILENT,
) -> None:
    """Write t-SNE of test windows under each named network, with the scaler and device of `encoder`: `tsne_NAME.npy`.

    The same windows whatever the networks: beside them `tsne_y.npy` and `tsne_subject.npy` say whose they are. Nothing
    is written where the test part has too few labelled windows.
    """
    shown = split.test[choose(w.y[split.test], seed)]
    if len(shown) < MIN_POINTS:
        return
    folder.mkdir(exist_ok=True)
    source = Source([Part(w.x, shown)], encoder.scaler, encoder.device)
    with progress.stage("t-SNE", len(networks)) as bar:
        for name, network in networks.items():
            features = encode(network.to(encoder.device), source).cpu().numpy()
            _keep(folder / f"tsne_{name}.npy", embed(features, seed))
            bar.advance()
    _keep(folder / "tsne_y.npy", np.asarray(w.y[shown]))
    _keep(folder / "tsne_subject.npy", np.asarray(w.subject[shown]))


class _Seen(nn.Module):
    """An encoder's features as the layers of a head see them."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, x: Tensor) -> Tensor:
        return seen_by(self.head, self.encoder(x))


def shown(model: Model) -> nn.Module:
    """Return the network whose features a picture shows: the encoder without what is joined to it, or where all
    features have units of their own, as hand-made ones do, with what the head does to bring them to one scale."""
    network = learned(model.encoder.network)
    return _Seen(network, model.head) if methods.spec(model.encoder.method).own_head else network


def judge_teacher(encoder: PretrainedEncoder, w: Windows, split: Split, seed: int) -> dict[str, Any] | None:
    """Return how well the teacher of `encoder` tells validation windows of one activity from those of two.

    None without a teacher, or where the validation windows hold too few activities to judge it by.
    """
    judged = split.val[choose(w.y[split.val], seed)]
    if encoder.teacher is None or not 1 < len(np.unique(w.y[judged])) < len(judged):
        return None
    h = encode(encoder.teacher, Source([Part(w.x, judged)], encoder.scaler, encoder.device)).cpu().numpy()
    return teacher_separation(h, w.y[judged], w.meta.activities)


def choose(y: ArrayLike, seed: int, max_points: int = MAX_POINTS) -> NDArray[np.int64]:
    """Return sorted indices of at most `max_points` labelled windows, as equal a number of each class as there are.

    y: (n,) class indices, -1 for unlabelled. A class with fewer windows than its share gives all it has, and the others
    fill up. Deterministic in `seed`.

    >>> choose([0, 0, 0, 1, -1], seed=0, max_points=2).size
    2
    """
    labels = np.asarray(y)
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels[labels >= 0])]
    # Rank of each window within its class: taking the lowest ranks deals one to each class in turn.
    indices = np.concatenate([np.empty(0, dtype=np.int64), *shuffled])
    rank = np.concatenate([np.empty(0, dtype=np.int64), *(np.arange(len(part)) for part in shuffled)])
    return np.sort(indices[np.argsort(rank, kind="stable")[:max_points]])


def embed(features: ArrayLike, seed: int, perplexity: float = 30.0) -> NDArray[np.float32]:
    """Return t-SNE of features (n, m) in the plane: (n, 2) float32, started from their principal components.

    Take the windows with `choose` first: the time grows faster than n. Repeatable on one machine; the last digits may
    differ between machines.

    Raises:
        DataError: fewer than 8 rows, or values that are not finite.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rows = np.asarray(features, dtype=np.float32)
    if rows.ndim != 2 or len(rows) < MIN_POINTS:
        raise DataError(f"t-SNE got features of shape {rows.shape}; expected (n, m) with n at least {MIN_POINTS}")
    if not np.isfinite(rows).all():
        raise DataError("t-SNE got features that are not finite; did pre-training diverge?")
    # Distances survive in the leading components, and the neighbour search is cheaper there.
    size = min(50, *rows.shape)
    reduced = PCA(size, svd_solver="randomized" if size < min(rows.shape) else "full", random_state=seed)
    points = TSNE(
        perplexity=min(perplexity, (len(rows) - 1) / 3),
        init="pca" if rows.shape[1] > 1 else "random",
        learning_rate="auto",
        random_state=seed,
    ).fit_transform(reduced.fit_transform(rows))
    return np.asarray(points, dtype=np.float32)


def _keep(path: Path, array: NDArray[Any]) -> None:
    blob = io.BytesIO()
    np.save(blob, array, allow_pickle=False)
    files.write(path, blob.getvalue())
