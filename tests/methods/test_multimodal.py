"""Dynamic temperature across modalities: each sensor's negatives are softened by the other sensor's features."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from otolith import methods, splits
from otolith.augment import Compose
from otolith.errors import RecipeError
from otolith.losses import ndt_xent
from otolith.methods.base import shared_encoder
from otolith.methods.multimodal import ModalityEncoders, Multimodal, frozen
from otolith.nets import TransformerEncoder
from otolith.pipeline import pretrain
from otolith.recording import CHANNELS
from otolith.training.pretext import Batch
from tests.helpers import tiny
from tests.helpers.pretext import drawn, windows
from tests.helpers.pretext import made as pretext_task

made = partial(pretext_task, "multimodal")


def pieces(pretext: Multimodal, x: Tensor) -> tuple[Multimodal, Tensor, Tensor, Tensor, Tensor]:
    """A copy, and written out on it z and h of both modalities: z_acc, z_gyro, h_acc, h_gyro."""
    twin, generator = copy.deepcopy(pretext), drawn()
    views = torch.cat([twin.augment(x, generator), twin.augment(x, generator)])
    z_acc = twin.projection_acc(twin.encoder.acc(views[:, :3]))
    z_gyro = twin.projection_gyro(twin.encoder.gyro(views[:, 3:]))
    twin.eval()
    with torch.no_grad():
        h_acc, h_gyro = twin.encoder.acc(x[:, :3]), twin.encoder.gyro(x[:, 3:])
    return twin, z_acc, z_gyro, h_acc, h_gyro


OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.3},
    {"detach_positive": True},
    {"positive_pairs": "views"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_loss_is_ndt_xent_with_the_other_modality_s_similarity(options: dict[str, Any]) -> None:
    pretext = made(**{f"method__multimodal__{name}": value for name, value in options.items()}).double()
    x = windows().double()
    twin, z_acc, z_gyro, h_acc, h_gyro = pieces(pretext, x)
    terms = pretext.loss(Batch(x), drawn())
    acc, gyro = ndt_xent(z_acc, h_gyro, **options), ndt_xent(z_gyro, h_acc, **options)
    assert terms["acc"].item() == pytest.approx(acc.item(), rel=1e-10)
    assert terms["gyro"].item() == pytest.approx(gyro.item(), rel=1e-10)
    assert terms["loss"].item() == pytest.approx((acc.item() + gyro.item()) / 2, rel=1e-10)
    assert (
        abs(terms["acc"].item() - ndt_xent(z_acc, h_acc, **options).item()) > 1e-5
    )  # its own modality's: another loss
    assert abs(terms["gyro"].item() - ndt_xent(z_gyro, h_gyro, **options).item()) > 1e-5
    mine = torch.autograd.grad(terms["loss"], list(pretext.parameters()))
    theirs = torch.autograd.grad((acc + gyro) / 2, list(twin.parameters()))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-11)


def test_what_one_sensor_says_softens_the_other_s_negatives() -> None:
    """Two gyroscope windows made equal change the accelerometer's term, and it alone through h."""
    pretext, x = made().double(), windows().double()
    seen: list[Tensor] = []
    pretext.policy = _Listening(seen)
    pretext.loss(Batch(x), drawn())
    twins = x.clone()
    twins[1, 3:] = twins[0, 3:]
    pretext.augment = Compose([])
    seen.clear()
    pretext.loss(Batch(twins), drawn())
    h_of_acc_term, h_of_gyro_term = seen
    torch.testing.assert_close(h_of_acc_term[0], h_of_acc_term[1], rtol=1e-12, atol=1e-12)
    assert (h_of_gyro_term[0] - h_of_gyro_term[1]).abs().max() > 1e-2


class _Listening:
    """A policy that keeps the features it is given."""

    needs_instances = True

    def __init__(self, seen: list[Tensor]) -> None:
        self.seen = seen

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        assert h is not None
        assert not h.requires_grad
        self.seen.append(h)
        return ndt_xent(z, h)


def buffers(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.named_buffers()}


def identical(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_clean_pass_leaves_batch_statistics_bit_identical() -> None:
    """A step moves them exactly as the views alone do, whatever the clean windows are."""
    pretext, alone = made(), made()
    start = buffers(pretext)
    generator = drawn()
    views = torch.cat([alone.augment(windows(), generator), alone.augment(windows(), generator)])
    alone.encoder(views)
    pretext.loss(Batch(windows()), drawn())
    assert identical(buffers(pretext), buffers(alone))
    assert not identical(buffers(pretext), start)
    with frozen(pretext.encoder):
        pretext.encoder(100 * windows())
    assert identical(buffers(pretext), buffers(alone))


def test_the_clean_features_are_those_of_an_eval_pass_without_dropout() -> None:
    pretext, seen = made("paper").double(), []
    pretext.policy = _Listening(seen)
    assert pretext.encoder.acc.blocks[0].dropout > 0  # type: ignore[union-attr,index]
    x = windows().double()
    pretext.loss(Batch(x), drawn())
    h_gyro, h_acc = seen
    pretext.eval()
    with torch.no_grad():
        torch.testing.assert_close(h_acc, pretext.encoder.acc(x[:, :3]), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(h_gyro, pretext.encoder.gyro(x[:, 3:]), rtol=1e-12, atol=1e-12)


def test_the_clean_pass_draws_no_random_numbers() -> None:
    pretext = made("paper")
    state = torch.get_rng_state()
    with frozen(pretext.encoder):
        pretext.encoder(windows())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("training", [True, False])
def test_every_module_gets_its_own_mode_back(training: bool) -> None:
    pretext = made().train(training)
    pretext.encoder.gyro.conv.eval()  # type: ignore[union-attr,operator]
    modes = [module.training for module in pretext.modules()]
    pretext.loss(Batch(windows()), drawn())
    assert [module.training for module in pretext.modules()] == modes
    with frozen(pretext.encoder):
        assert not any(module.training for module in pretext.encoder.modules())
        assert not torch.is_grad_enabled()
    with pytest.raises(RuntimeError), frozen(pretext.encoder):
        pretext.encoder(windows()[:, :4])  # too few channels
    assert [module.training for module in pretext.modules()] == modes
    assert torch.is_grad_enabled()


def test_the_views_pass_before_the_clean_windows() -> None:
    """Autocast keeps the cast of a weight for its next use, in older PyTorch without a gradient if it was made so
    (pytorch issue 112583): the views would find weights that cannot be trained."""
    pretext, gradient = made(), []
    pretext.encoder.acc.register_forward_pre_hook(lambda module, args: gradient.append(torch.is_grad_enabled()))
    pretext.loss(Batch(windows()), drawn())
    assert gradient == [True, False]


@pytest.mark.parametrize("narrow", [False, True])
def test_a_gradient_reaches_every_weight_matrix_of_both_encoders(narrow: bool) -> None:
    pretext = made()
    with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        loss = pretext.loss(Batch(windows()), drawn())["loss"]
    loss.backward()
    silent = [n for n, p in pretext.named_parameters() if p.ndim > 1 and (p.grad is None or not p.grad.any())]
    assert silent == []


def test_the_kept_encoder_puts_both_modalities_side_by_side() -> None:
    encoder = made().encoder.eval()
    x = windows()
    other = x.clone()
    other[:, 3:] += 1
    with torch.no_grad():
        features, moved = encoder(x), encoder(other)
        half = encoder.acc(x[:, :3]).shape[1]
        assert features.shape == (10, encoder.n_features) == (10, 2 * half)
        assert torch.equal(features[:, :half], encoder.acc(x[:, :3]))
        assert torch.equal(features[:, half:], encoder.gyro(x[:, 3:]))
    assert torch.equal(features[:, :half], moved[:, :half])
    assert not torch.equal(features[:, half:], moved[:, half:])
    assert (encoder.n_channels, encoder.n_steps) == (6, 12)


def test_both_encoders_are_the_recipe_s_and_start_differently() -> None:
    recipe, encoder = tiny.recipe(), made().encoder
    shapes = [p.shape for p in shared_encoder(recipe, tiny.meta(3)).parameters()]
    for part in (encoder.acc, encoder.gyro):
        assert isinstance(part, TransformerEncoder)
        assert [p.shape for p in part.parameters()] == shapes
    pairs = zip(encoder.acc.parameters(), encoder.gyro.parameters(), strict=True)
    assert all(not torch.equal(a, b) for a, b in pairs if a.ndim > 1)


def test_it_needs_no_autoencoder() -> None:
    w = tiny.windows()
    encoder = pretrain(w, splits.holdout(w, 0), tiny.recipe(), "multimodal", seed=1)
    assert encoder.teacher is None
    assert [record["stage"] for record in encoder.records] == ["pretrain"]
    assert isinstance(encoder.network, ModalityEncoders)


@pytest.mark.parametrize("n_channels", [1, 3, 5, 7, 12])
def test_other_numbers_of_channels_are_refused(n_channels: int) -> None:
    with pytest.raises(
        RecipeError, match=f"takes six channels, .* the windows have {n_channels} channels\\. .* 'dynamic'"
    ):
        methods.spec("multimodal").encoder(tiny.recipe(), tiny.meta(n_channels))


def test_a_run_on_one_sensor_says_what_is_missing() -> None:
    w = tiny.windows(channels=CHANNELS[:3])
    with pytest.raises(RecipeError, match="the windows have 3"):
        pretrain(w, splits.holdout(w, 0), tiny.recipe(), "multimodal", seed=1)


ACC, GYRO, MAG = (tuple(f"{sensor}_{axis}" for axis in "xyz") for sensor in ("acc", "gyro", "mag"))


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        (ACC + MAG, "then gyroscope x, y, z, and no others; got acc_x, .*, mag_z"),
        (MAG + GYRO, "takes six channels, accelerometer x, y, z, .* got mag_x, .*, gyro_z"),
        (GYRO + ACC, "takes six channels, accelerometer x, y, z, .* got gyro_x, .*, acc_z"),
        (("acc_x", "gyro_x", "acc_y", "gyro_y", "acc_z", "gyro_z"), "takes six channels"),
        (("acc_x", "acc_y", "acc_z", "acc_w", "gyro_x", "gyro_y"), "takes six channels"),
    ],
)
def test_channels_are_known_by_their_names(channels: tuple[str, ...], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        made(channels=channels)


def test_a_shorter_name_of_the_gyroscope_is_understood() -> None:
    made(channels=(*ACC, "gyr_x", "gyr_y", "gyr_z"))
