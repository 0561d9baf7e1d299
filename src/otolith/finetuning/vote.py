"""Vote of a linear head and of trees on hand-made features (`nets.VoteHead`)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from otolith.finetuning.heads import build_head, unfitted
from otolith.finetuning.settings import FinetuneSettings, TreeSettings
from otolith.nets import JoinedEncoder, StandardisedHead
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
    hand-made ones.

    Args:
        network: the encoder of the features.
        settings: of fine-tuning; `trees`: of the trees.
    """
    seen = network if settings.features == "joined" else network.learned
    linear = build_head(seen.n_features, n_classes, of_linear(settings), seed, seen.flattened)
    return joint_head(linear, seen.n_features, network, unfitted(network.handmade.n_features, n_classes, trees))


def joint_head(linear: nn.Module, n_seen: int, network: JoinedEncoder, trees: nn.Module) -> StandardisedHead:
    """Return a linear head and trees as one head that votes.

    What the linear head standardises is standardised before the vote, so that distances between windows are those
    between features as the layers see them. One that pools over time does both by itself.

    Args:
        linear: of `build_head`, on the first `n_seen` features.
        network: the encoder of the features.
        trees: on its hand-made features, as they come out of this head's standardisation.
    """
    n = network.n_features
    layers: list[nn.Module] = [linear, trees]
    standards = None
    if isinstance(linear, StandardisedHead) and isinstance(linear.pool, nn.Identity):
        layers[0], standards = linear.layers, (linear.mean, linear.std)
    joint = StandardisedHead(VoteHead(layers, [(0, n_seen), (network.learned.n_features, n)]), n)
    if standards is not None:
        with torch.no_grad():
            joint.mean[:n_seen], joint.std[:n_seen] = standards
    return joint


def mean_logits(first: Tensor, second: Tensor) -> Tensor:
    """Return the logarithm of the mean of two heads' probabilities, given their logits (n, n_classes).

    >>> mean_logits(torch.zeros(1, 2), torch.tensor([[0.0, 100.0]])).exp()
    tensor([[0.2500, 0.7500]])
    """
    return ((torch.softmax(first, -1) + torch.softmax(second, -1)) / 2).clamp_min(1e-6).log()
