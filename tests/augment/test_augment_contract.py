"""What every registered augmentation owes its callers; a new one is tested here without a line of its own."""

from __future__ import annotations

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith import augment
from otolith.augment import Augmentation, SignalSpec
from otolith.errors import DataError, RecipeError

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

# Every named option value that takes another path through the code, beside the defaults.
VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in augment.names()),
    ("scaling", {"per": "window"}),
    ("scaling", {"per": "element"}),
    ("rotation", {"kind": "sign"}),
    ("rotation", {"kind": "vertical"}),
    ("permutation", {"min_segments": 1, "max_segments": 4, "equal": True}),
    ("permutation", {"min_segments": 3, "max_segments": 3}),
    ("flip", {"axis": "time"}),
    ("channel_shuffle", {"within": "sensor"}),
    ("channel_dropout", {"rate": 1.0}),
    ("sensor_dropout", {"rate": 1.0}),
    ("time_mask", {"max_share": 1.0}),
    ("time_warp", {"sigma": 2.0, "knots": 2}),
]
everything = pytest.mark.parametrize(
    ("name", "options"), VARIANTS, ids=[f"{n}{sorted(o.items()) if o else ''}" for n, o in VARIANTS]
)


def spec(n_channels: int) -> SignalSpec:
    """3 n channels are n sensors with axes; otherwise plain channels without."""
    channels = tuple(f"s{i // 3}_{'xyz'[i % 3]}" if n_channels % 3 == 0 else f"c{i}" for i in range(n_channels))
    mean = tuple(0.5 * i - 1.0 for i in range(n_channels))
    return SignalSpec(channels, mean, tuple(1.0 + i for i in range(n_channels)), 30.0)


def needs_triads(name: str, options: dict[str, object]) -> bool:
    return (name == "rotation" and options.get("kind") != "sign") or options.get("within") == "sensor"


def batch(shape: tuple[int, int, int], device: str = "cpu", dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7)).to(device, dtype)


def seeded(seed: int, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device=device).manual_seed(seed)


@everything
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(4, 6, 30), (1, 3, 8), (5, 9, 100), (2, 1, 8), (3, 3, 1)], ids=str)
def test_shape_type_and_device_are_kept_and_x_is_not_touched(
    name: str, options: dict[str, object], device: str, dtype: torch.dtype, shape: tuple[int, int, int]
) -> None:
    if needs_triads(name, options) and shape[1] % 3:
        with pytest.raises(RecipeError, match="acc_x, acc_y, acc_z"):
            augment.build(name, spec(shape[1]), **options)
        return
    augmentation = augment.build(name, spec(shape[1]), **options)
    x = batch(shape, device, dtype)
    before = x.clone()
    out = augmentation(x, seeded(0, device))
    assert (out.shape, out.dtype, out.device) == (x.shape, x.dtype, x.device)
    assert out.isfinite().all()
    assert torch.equal(x, before)
    assert out.data_ptr() != x.data_ptr()


@everything
@pytest.mark.parametrize("device", DEVICES)
def test_a_draw_can_be_replayed(name: str, options: dict[str, object], device: str) -> None:
    augmentation = augment.build(name, spec(6), **options)
    x = batch((16, 6, 30), device)
    generator = seeded(3, device)
    params = augmentation.sample(x, generator)
    state = generator.get_state()
    first = augmentation.apply(x, params)
    assert torch.equal(first, augmentation.apply(x, params))
    assert torch.equal(state, generator.get_state()), "apply must not draw"
    assert torch.equal(first, augmentation(x, seeded(3, device))), "the same seed gives the same view"
    if params:
        assert not torch.equal(first, augmentation(x, generator)), "the next draw gives another view"


@everything
def test_the_global_generator_is_left_alone(name: str, options: dict[str, object]) -> None:
    augmentation = augment.build(name, spec(6), **options)
    before = torch.get_rng_state()
    augmentation(batch((4, 6, 30)), seeded(0))
    assert torch.equal(before, torch.get_rng_state())


@everything
def test_parameters_do_not_depend_on_values(name: str, options: dict[str, object]) -> None:
    augmentation = augment.build(name, spec(6), **options)
    x = batch((4, 6, 30))
    a, b = augmentation.sample(x, seeded(0)), augmentation.sample(100.0 - x, seeded(0))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert all(len(value) == len(x) for value in a.values())


@everything
def test_windows_do_not_mix(name: str, options: dict[str, object]) -> None:
    augmentation = augment.build(name, spec(6), **options)
    x = batch((8, 6, 30))
    params = augmentation.sample(x, seeded(0))
    changed = x.clone()
    changed[3] += 1.0
    out, other = augmentation.apply(x, params), augmentation.apply(changed, params)
    assert torch.equal(out[:3], other[:3])
    assert torch.equal(out[4:], other[4:])
    assert not torch.equal(out[3], other[3])


@everything
def test_gradients_pass_through(name: str, options: dict[str, object]) -> None:
    augmentation = augment.build(name, spec(3), **options)
    x = batch((2, 3, 8), dtype=torch.float64).requires_grad_()
    params = augmentation.sample(x, seeded(0))
    assert torch.autograd.gradcheck(lambda value: augmentation.apply(value, params), (x,))
    augmentation.apply(x, params).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@everything
@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(1, 5),
    sensors=st.integers(1, 3),
    time=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_size_of_batch(
    name: str, options: dict[str, object], size: int, sensors: int, time: int, seed: int
) -> None:
    augmentation = augment.build(name, spec(3 * sensors), **options)
    x = batch((size, 3 * sensors, time))
    out = augmentation(x, seeded(seed))
    assert out.shape == x.shape
    assert out.isfinite().all()


@everything
def test_parameters_for_another_batch_are_refused(name: str, options: dict[str, object]) -> None:
    augmentation = augment.build(name, spec(6), **options)
    params = augmentation.sample(batch((4, 6, 30)), seeded(0))
    if not params:  # nothing that belongs to one batch only
        assert augmentation.apply(batch((1, 6, 30)), params).shape == (1, 6, 30)
        return
    with pytest.raises(ValueError, match=r"4 windows, but x has 1;"):
        augmentation.apply(batch((1, 6, 30)), params)


@everything
def test_wrong_batches_and_generators_are_refused(name: str, options: dict[str, object]) -> None:
    augmentation = augment.build(name, spec(6), **options)
    with pytest.raises(DataError, match=r"\(4, 30, 6\).*30 channels.*names 6"):
        augmentation(torch.zeros(4, 30, 6), seeded(0))
    with pytest.raises(DataError, match="batch axis"):
        augmentation(torch.zeros(6, 30), seeded(0))
    with pytest.raises(DataError, match="floating-point"):
        augmentation(torch.zeros(4, 6, 30, dtype=torch.int64), seeded(0))
    with pytest.raises(ValueError, match="generator draws on cpu but the batch is on meta"):
        augmentation(torch.zeros(4, 6, 30, device="meta"), seeded(0))


@pytest.mark.parametrize("name", augment.names())
def test_is_documented_and_its_options_have_defaults(name: str) -> None:
    augmentation = augment.build(name, spec(6))
    assert isinstance(augmentation, Augmentation)
    assert augmentation.name == name
    text = inspect.getdoc(type(augmentation)) or ""
    assert "Params:" in text
    for option, default in augment.options(name).items():
        assert default is not inspect.Parameter.empty
        assert option in text, f"the docstring does not explain {option!r}"


if torch.cuda.is_available():

    @everything
    def test_never_waits_for_the_gpu(name: str, options: dict[str, object]) -> None:
        augmentation = augment.build(name, spec(6), **options)
        x, generator = batch((4, 6, 30), "cuda"), seeded(0, "cuda")
        augmentation(x, generator)  # copies its constants to the device once
        torch.cuda.set_sync_debug_mode("error")
        try:
            augmentation(x, generator)
        finally:
            torch.cuda.set_sync_debug_mode("default")
