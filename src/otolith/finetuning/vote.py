"""Vote of a linear head and of trees on hand-made features (`nets.VoteHead`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from otolith.finetuning.heads import Labelled, build_head, unfitted
from otolith.finetuning.settings import FinetuneSettings, TreeSettings
from otolith.finetuning.unlabelled import RESAMPLED, Pool, resampled
from otolith.nets import JoinedEncoder, StandardisedHead
from otolith.nets.heads import layers_of, seen_by
from otolith.nets.vote import VoteHead


def of_linear(settings: FinetuneSettings) -> FinetuneSettings:
    """Return the settings of the linear head that takes part in the vote.

    >>> of_linear(FinetuneSettings(head="vote", epochs=3)).head
    'linear'
    """
    return replace(settings, head="linear")


def build_vote(
    network: JoinedEncoder, n_classes: int, settings: FinetuneSettings, trees: TreeSettings, seed: int
) -> StandardisedHead:
    """Return a new head on joined features whose trees hold nothing yet.

    The linear head sees all of them, or the learned ones alone where `settings.features` says so; the trees see the
    hand-made ones. Where unlabelled windows take labels, three ensembles vote: one learns from the given labels, one
    from those that the linear head's features find, too, one from those that the hand-made ones find.

    Args:
        network: the encoder of the features.
        settings: of fine-tuning; `trees`: of the trees.
    """
    seen = network if settings.features == "joined" else network.learned
    linear = build_head(seen.n_features, n_classes, of_linear(settings), seed, seen.flattened)
    return joint_head(linear, seen.n_features, network, unfitted_trees(network, n_classes, settings, trees))


def unfitted_trees(
    network: JoinedEncoder, n_classes: int, settings: FinetuneSettings, trees: TreeSettings
) -> list[nn.Module]:
    """Return the ensembles that vote, without trees: one, or three where unlabelled windows take labels."""
    count = 1 if settings.unlabelled == "none" else 3
    return [unfitted(network.handmade.n_features, n_classes, trees) for _ in range(count)]


def joint_head(linear: nn.Module, n_seen: int, network: JoinedEncoder, trees: Sequence[nn.Module]) -> StandardisedHead:
    """Return a linear head and trees as one head that votes.

    What the linear head standardises is standardised before the vote, so that distances between windows are those
    between features as the layers see them. One that pools over time does both by itself.

    Args:
        linear: of `build_head`, on the first `n_seen` features.
        network: the encoder of the features.
        trees: ensembles on its hand-made features, as they come out of this head's standardisation.
    """
    n = network.n_features
    layers: list[nn.Module] = [linear, *trees]
    standards = None
    if isinstance(linear, StandardisedHead) and isinstance(linear.pool, nn.Identity):
        layers[0], standards = linear.layers, (linear.mean, linear.std)
    columns = [(0, n_seen), *((network.learned.n_features, n) for _ in trees)]
    joint = StandardisedHead(VoteHead(layers, columns), n)
    if standards is not None:
        with torch.no_grad():
            joint.mean[:n_seen], joint.std[:n_seen] = standards
    return joint


def seen_by_first(joint: StandardisedHead, x: Tensor) -> Tensor:
    """Return features as the layers of the linear head see them, from those that a joint head's layers see.

    Args:
        joint: of `joint_head`.
        x: (n, n_features), of `seen_by`.
    """
    vote = layers_of(joint)
    assert isinstance(vote, VoteHead)
    first, last = vote.columns[0]
    return seen_by(vote.heads[0], x[:, first:last])


def with_unlabelled(
    pool: Pool, train: Labelled, handmade: tuple[Tensor, Tensor], settings: FinetuneSettings, seed: int
) -> Labelled:
    """Return what trees learn from: labelled windows and those of the pool that take a label, as often as weights say.

    Args:
        pool: of the features by which labels are found.
        train: the same features of labelled windows, (n, d).
        handmade: hand-made features of the labelled windows, (n, n_handmade), and of all those that the pool was made
            of.
        settings: of fine-tuning; they say how labels are taken.
    """
    own, rest = handmade
    found = pool.answers(train, settings, seed)
    joined = Labelled(
        torch.cat([own, rest[pool.rows[found.rows].to(rest.device)]]),
        torch.cat([train.y, found.y.to(train.y.device)]),
        torch.cat([torch.ones(len(train.y)), found.weights(len(train.y.unique()))]).to(own.device),
    )
    assert joined.weight is not None
    return resampled(joined, max(RESAMPLED, round(float(joined.weight.sum()))))


def mean_logits(answers: Sequence[Tensor]) -> Tensor:
    """Return the logarithm of the mean of several heads' probabilities, given the logits (n, n_classes) of each.

    >>> mean_logits([torch.zeros(1, 2), torch.tensor([[0.0, 100.0]])]).exp()
    tensor([[0.2500, 0.7500]])
    """
    return torch.stack([torch.softmax(each, -1) for each in answers]).mean(0).clamp_min(1e-6).log()
