"""Dynamic temperature across modalities: the other sensor tells how alike two instances are.

The first future work of Khaertdinov, Asteriadis and Ghaleb 2022 (Section VI): features of another modality take the
place of the autoencoder's, and accelerometer and gyroscope may be the two modalities. The paper gives no more than that
sentence; everything below is our reading of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec
from otolith.errors import RecipeError
from otolith.methods.base import SharedSettings, shared_encoder
from otolith.methods.contrastive import projection
from otolith.methods.dynamic import NdtXent
from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec
from otolith.methods.views import two_views
from otolith.nets import Encoder
from otolith.training.pretext import Batch, Method
from otolith.windows import WindowMeta

AXES = 3
"""Channels of each sensor: the accelerometer's come first, then the gyroscope's (`otolith.recording.CHANNELS`)."""

WANTED = "method 'multimodal' takes six channels, accelerometer x, y, z, then gyroscope x, y, z, and no others"
CURE = "Record both sensors, or choose 'dynamic', which takes any channels"


class ModalityEncoders(Encoder):
    """One encoder on the accelerometer's channels and one on the gyroscope's, their features side by side.

    (batch, 6, n_steps) -> (batch, n_features), n_features the sum of both. No weights are shared. The same holds for
    their outputs over time, where both have them.
    """

    def __init__(self, acc: Encoder, gyro: Encoder, n_steps: int) -> None:
        width = None if acc.width is None or gyro.width is None else acc.width + gyro.width
        n_features = acc.n_features + gyro.n_features
        super().__init__(2 * AXES, n_steps, n_features, n_out_steps=acc.n_out_steps, width=width)
        self.acc, self.gyro = acc, gyro
        self.flattened = acc.flattened

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self.by_sensor(x), dim=1)

    def steps(self, x: Tensor) -> Tensor:
        """Return the outputs over time of both: (batch, 6, n_steps) -> (batch, n_out_steps, width)."""
        return torch.cat([self.acc.steps(x[:, :AXES]), self.gyro.steps(x[:, AXES:])], dim=2)

    def by_sensor(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the accelerometer and of the gyroscope."""
        return self.acc(x[:, :AXES]), self.gyro(x[:, AXES:])


class Multimodal(Method):
    """L = [NDT-Xent(z_acc, h_gyro) + NDT-Xent(z_gyro, h_acc)] / 2, NDT-Xent by Eqs 2-5.

    z of a modality are the projections of both views, h its encoder's features of the clean windows: what the gyroscope
    takes to be alike softens the accelerometer's negatives, and the other way round. h is computed with the encoders
    as they are in this step, in eval mode and without gradient, so that batch normalisation uses its running statistics
    and leaves them as they are, and no dropout is drawn. Both modalities see the same augmented windows.
    """

    encoder: ModalityEncoders
    augment: Compose

    def __init__(
        self, shared: SharedSettings, settings: NdtXent, encoder: ModalityEncoders, signal: SignalSpec
    ) -> None:
        super().__init__()
        if [channel[:3] for channel in signal.channels] != ["acc"] * AXES + ["gyr"] * AXES:
            raise RecipeError(f"{WANTED}; got {', '.join(signal.channels)}. {CURE}")
        self.encoder = encoder
        self.projection_acc = projection(shared, encoder.acc)
        self.projection_gyro = projection(shared, encoder.gyro)
        self.augment = shared.augmentation(signal)
        self.policy = settings
        if any(change.name == "sensor_dropout" for change, _ in self.augment.items):
            raise RecipeError(
                "method 'multimodal' contrasts the accelerometer with the gyroscope, so that neither may be missing in "
                "pre-training: leave robust.may_miss empty and out of [[augment]] sensor_dropout, or choose 'dynamic'"
            )

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        seen_acc, seen_gyro = self.encoder.by_sensor(torch.cat(two_views(self.augment, batch, generator)))
        with frozen(self.encoder):  # after the views: older autocasts would cast weights for them without a gradient
            h_acc, h_gyro = self.encoder.by_sensor(batch.x)
        gather, views = batch.ranks.gather, batch.ranks.gather_views
        acc = self.policy.loss(views(self.projection_acc(seen_acc)), gather(h_gyro), batch.progress)
        gyro = self.policy.loss(views(self.projection_gyro(seen_gyro)), gather(h_acc), batch.progress)
        return {"loss": (acc + gyro) / 2, "acc": acc, "gyro": gyro}


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Keep `network` in eval mode without gradient within this context; each module gets its own mode back."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _encoders(shared: SharedSettings, meta: WindowMeta) -> ModalityEncoders:
    """Return both encoders as the recipe's [encoder] says."""
    channels = meta.channels
    if len(channels) != 2 * AXES:
        raise RecipeError(f"{WANTED}; the windows have {len(channels)} channels. {CURE}")
    halves = (replace(meta, channels=half) for half in (channels[:AXES], channels[AXES:]))
    acc, gyro = (shared_encoder(shared, half) for half in halves)
    return ModalityEncoders(acc, gyro, meta.n_steps)


SPEC = MethodSpec(
    name="multimodal",
    title="Dynamic temperature across modalities",
    label="Dynamic temperature across modalities",
    short="DT across",
    summary="`dynamic` with the similarity of the *other* sensor's features in place of the autoencoder's",
    paper=DYNAMIC_TEMPERATURE,
    section="Section VI",
    needs=("both sensors",),
    order=30,
    settings=NdtXent,
    encoder=_encoders,
    build=Multimodal,
)
