"""Settings of a classifier's training; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

MOST_HIDDEN = 100
MOST_WIDTH = 1_000_000
MOST_TREES = 10_000


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings:
    """Settings of a classifier's training; the defaults are the paper's (Section IV-B4).

    Raises:
        ValueError: a value is out of its range, or two contradict each other.

    >>> FinetuneSettings(head="linear", epochs=20).lr
    0.0001
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    epochs: int = 50
    batch_size: int = 128
    lr: float = 1e-4
    patience: int = 10
    """The rate is halved when more epochs than this in a row bring no better validation macro F1."""
    head: Literal["mlp", "linear", "trees", "vote"] = "mlp"
    """`mlp` has the layers of `hidden`, `linear` has none; `trees` are fitted as `[method.classical]` says, and `vote`
    is the mean of the probabilities of a linear head and of such trees on hand-made features."""
    hidden: tuple[int, ...] = (256, 128)
    dropout: float = 0.2
    weight_decay: float = 0.0
    class_balanced: bool = False
    """Weight each activity's cross-entropy by the inverse of its frequency."""
    encoder: Literal["frozen", "trained"] = "frozen"
    """`trained`: encoder and head learn together, end to end."""
    encoder_rate: float = 1.0
    """The encoder's rate where it is trained, as a multiple of `lr`."""
    features: Literal["learned", "joined"] = "learned"
    """`joined`: the encoder's features beside hand-made ones of the same window (`otolith.nets.handmade`)."""
    pool: bool = False
    """Take mean, deviation and maximum over time of the encoder's steps, for each map, in place of all steps."""
    standardise: bool = False
    """Shift and scale each feature to mean 0 and deviation 1 over the training windows, labelled or not."""
    solver: Literal["adam", "lbfgs"] = "adam"
    """`lbfgs`: a linear head is fitted to convergence, with `penalty` in place of epochs, rate and decay."""
    penalty: float = 1.0
    """Strength of `lbfgs`: half of it times the squared weights joins the sum of the windows' cross-entropies."""
    unlabelled: Literal["none", "self-training", "propagation"] = "none"
    """Use of the training windows without a label (`otolith.finetuning.unlabelled`): they take the confident answers of
    a linear classifier as labels, or those on which it agrees with labels that spread over a graph of neighbours."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """`adamw`: the weight decay acts on the weights, apart from the gradient (Loshchilov and Hutter 2019)."""
    schedule: Literal["halving", "one-cycle"] = "halving"
    """`halving` waits for `patience`; `one-cycle` rises to `lr` and falls to zero within `epochs`."""
    label_smoothing: float = 0.0
    """Share of each label that is spread over all activities."""
    augment: bool | tuple[dict[str, Any], ...] = False
    """Change each batch at random where the encoder is trained: by the recipe's augmentations, or by those of a list of
    its own, written as the recipe's."""
    keep: Literal["best", "last"] = "best"
    """The epoch whose weights are kept: the one of the best validation macro F1, or the last."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.lr > 0 or self.patience < 0:
            raise ValueError(
                f"expected epochs >= 1, batch_size >= 1, lr > 0 and patience >= 0; got epochs {self.epochs}, "
                f"batch_size {self.batch_size}, lr {self.lr}, patience {self.patience}"
            )
        if len(self.hidden) > MOST_HIDDEN:
            raise ValueError(f"expected at most {MOST_HIDDEN} hidden layers; got {len(self.hidden)}")
        if any(width > MOST_WIDTH for width in self.hidden):
            raise ValueError(f"expected hidden widths of at most {MOST_WIDTH:,}; got {list(self.hidden)}")
        if not 0 <= self.dropout < 1 or not self.weight_decay >= 0 or any(width < 1 for width in self.hidden):
            raise ValueError(
                f"expected 0 <= dropout < 1, weight_decay >= 0 and hidden widths >= 1; got dropout {self.dropout}, "
                f"weight_decay {self.weight_decay}, hidden {list(self.hidden)}"
            )
        if not self.encoder_rate > 0 or not self.penalty > 0 or not 0 <= self.label_smoothing < 1:
            raise ValueError(
                f"expected encoder_rate > 0, penalty > 0 and 0 <= label_smoothing < 1; got encoder_rate "
                f"{self.encoder_rate}, penalty {self.penalty}, label_smoothing {self.label_smoothing}"
            )
        self._refuse_contradictions()

    @property
    def plain_steps(self) -> bool:
        """Return whether each step is plain Adam on the plain cross-entropy, as published."""
        return self.optimizer == "adam" and self.label_smoothing == 0

    def _refuse_contradictions(self) -> None:
        if self.features == "joined" and not self.standardise and self.head in ("mlp", "linear", "vote"):
            raise ValueError(
                "features 'joined' are in units of many sizes, so that a head has to standardise them; got standardise "
                "false. Set standardise to true, or features to 'learned'"
            )
        if self.head == "trees" and (self.features == "joined" or self.unlabelled != "none"):
            raise ValueError(
                "head 'trees' is fitted to the encoder's own features of labelled windows; got features "
                f"{self.features!r} and unlabelled {self.unlabelled!r}. Set them to 'learned' and 'none', or take the "
                "method classical for trees on hand-made features"
            )
        if self.solver == "lbfgs" and self.head not in ("linear", "vote"):
            raise ValueError(
                f"solver 'lbfgs' fits a linear head; got head {self.head!r}. Set head to 'linear', or solver to 'adam'"
            )
        if self.solver == "lbfgs" and self.label_smoothing:
            raise ValueError(
                f"solver 'lbfgs' fits the labels as they are; got label_smoothing {self.label_smoothing}. Set it to 0, "
                "or solver to 'adam'"
            )
        if self.encoder == "trained" and (
            self.solver != "adam" or self.head not in ("mlp", "linear", "vote") or self.unlabelled != "none"
        ):
            raise ValueError(
                "an encoder is trained with an 'mlp' or 'linear' head, by steps, on labelled windows; got head "
                f"{self.head!r}, solver {self.solver!r}, unlabelled {self.unlabelled!r}. Set encoder to 'frozen', or "
                "solver to 'adam' and unlabelled to 'none'"
            )


@dataclass(frozen=True, kw_only=True)
class TreeSettings:
    """Settings of a classifier that is fitted on features at once, without epochs.

    - `extra-trees`: trees whose questions are drawn at random (Geurts, Ernst and Wehenkel 2006);
    - `forest`: trees on bootstrap samples, with the best question of some features each (Breiman 2001);
    - `boosting`: trees that each correct those before (Friedman 2001), on features in 255 steps (Ke et al. 2017);
    - `logistic`: no trees, but a multinomial logistic regression on standardised features.

    Raises:
        ValueError: a value is out of its range.

    >>> TreeSettings(trees=100).model
    'extra-trees'
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    model: Literal["extra-trees", "forest", "boosting", "logistic"] = "extra-trees"
    trees: int = 0
    """Trees of a forest, or of each activity where they are boosted; 0: 200 of a forest, 100 of each activity."""
    leaf: int = 5
    """Windows that a leaf of a forest holds at least; fewer where there are fewer than a thousand labelled windows for
    each of them."""
    share: float = 0.0
    """Share of the features that a question chooses from; 0: the square root of their number, in boosting all."""
    leaves: int = 31
    """Most leaves of a boosted tree."""
    rate: float = 0.1
    """Share of its correction that a boosted tree adds."""
    penalty: float = 1.0
    """Strength of the logistic regression: half of it times the squared weights joins the windows' cross-entropies."""
    class_balanced: bool = False
    """Weight each activity's windows by the inverse of their number."""
    most_megabytes: float = 5.0
    """Most millions of bytes of the trees: a forest that would be larger keeps as many of its trees as fit, boosting as
    many rounds."""

    def __post_init__(self) -> None:
        if not (0 <= self.trees <= MOST_TREES and self.leaf >= 1 and self.leaves >= 2 and self.most_megabytes > 0):
            raise ValueError(
                f"expected trees from 0 to {MOST_TREES:,}, leaf >= 1, leaves >= 2 and most_megabytes > 0; got trees "
                f"{self.trees}, leaf {self.leaf}, leaves {self.leaves}, most_megabytes {self.most_megabytes:g}"
            )
        if not (0 <= self.share <= 1 and self.rate > 0 and self.penalty > 0):
            raise ValueError(
                f"expected 0 <= share <= 1, rate > 0 and penalty > 0; got share {self.share}, rate {self.rate}, "
                f"penalty {self.penalty}"
            )

    standardise: ClassVar[bool] = True
    """A head that is fitted sees each feature with mean 0 and deviation 1, whichever its unit: so do the distances by
    which a window is found to be unknown. Trees answer the same without."""

    @property
    def n_trees(self) -> int:
        """Return the number of trees of a forest, or of each activity where they are boosted."""
        return self.trees or (100 if self.model == "boosting" else 200)

    @property
    def kind(self) -> Literal["shares", "scores"]:
        """Return what a leaf gives, see `TreeEnsemble`."""
        return "scores" if self.model == "boosting" else "shares"


HeadSettings = FinetuneSettings | TreeSettings
"""Settings of a head that is trained in epochs, or fitted at once."""
