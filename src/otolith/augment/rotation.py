"""Rotation: the device worn in another orientation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec, draw_dtype, normal
from otolith.augment.checks import NothingToChangeError, choice, number
from otolith.augment.registry import register


@register
class Rotation(Augmentation):
    """Turn the device: one random 3-D rotation per window, uniform on SO(3) (Section IV-B2).

    All three-axis sensors of a window turn by the same rotation, since they sit in one device. It acts on
    physical units (unscale, rotate, rescale), so that the lengths of acceleration and of angular velocity
    are kept; channels that belong to no complete x, y, z triad stay as they are. Raises NothingToChangeError, a
    RecipeError, if there is no triad at all.

    kind="vertical" turns about +z alone, by an angle uniform on the circle: for windows with gravity along +z
    (`windows.frame = "gravity"`), whose heading means nothing.

    kind="tilt" turns by a small angle about an axis of any direction, as a device sits a little otherwise each time it
    is put on; the angle is normal with a deviation of `degrees`.

    kind="sign" is what the predecessor's code does instead: a random sign for every sample of every
    channel, in z-score units. Params: `matrix` (batch, 3, 3), or `sign` (batch, channels, time).
    """

    name = "rotation"

    def __init__(self, signal: SignalSpec, *, kind: str = "so3", degrees: float = 10.0) -> None:
        super().__init__(signal)
        self.kind = choice(self.name, "kind", kind, ("so3", "vertical", "tilt", "sign"))
        self.degrees = number(self.name, "degrees", degrees, 0.0, 180.0)
        self._triads = signal.triads
        self._constants: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor, Tensor]] = {}
        if self.kind != "sign" and not self._triads:
            raise NothingToChangeError(
                f"augmentation 'rotation' turns three-axis sensors (channels such as acc_x, acc_y, acc_z), "
                f"and {', '.join(signal.channels)} hold none; leave it out for this data"
            )

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        if self.kind == "sign":
            bits = torch.randint(0, 2, x.shape, generator=generator, device=x.device, dtype=draw_dtype(x))
            return {"sign": bits.mul_(2.0).sub_(1.0)}
        quaternion = normal(x, (len(x), 4), 0.0, 1.0, generator)
        if self.kind == "tilt":
            half = quaternion[:, :1] * math.radians(self.degrees) / 2
            axis = torch.nn.functional.normalize(quaternion[:, 1:], dim=1)
            quaternion = torch.cat([half.cos(), half.sin() * axis], dim=1)
        if self.kind == "vertical":
            # scalar part and z of a Gaussian quaternion point uniformly on their circle: half of the angle does
            quaternion[:, 1:3] = 0.0
        return {"matrix": _matrices(quaternion)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        if self.kind == "sign":
            return x * params["sign"].to(x.dtype)
        matrix = params["matrix"]
        index, mean, std = self._on(x.device, matrix.dtype)
        # With z = (v - mean) / std, turning v by R is (R_ij std_j / std_i) z + (R mean - mean) / std.
        linear = matrix[:, None] * (std[:, None, :] / std[:, :, None])  # (batch, triads, 3, 3)
        offset = (torch.einsum("bij,gj->bgi", matrix, mean) - mean) / std  # (batch, triads, 3)
        batch, _, time = x.shape
        n_triads = len(self._triads)
        triads = x.index_select(1, index).to(matrix.dtype).reshape(batch * n_triads, 3, time)
        turned = torch.baddbmm(offset.reshape(batch * n_triads, 3, 1), linear.reshape(batch * n_triads, 3, 3), triads)
        return x.index_copy(1, index, turned.reshape(batch, 3 * n_triads, time).to(x.dtype))

    def _on(self, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Return channel indices (3 triads,), means and deviations (triads, 3), copied to each device only once."""
        key = (device, dtype)
        if key not in self._constants:
            index = torch.tensor(self._triads, device=device)
            mean = torch.tensor(self.signal.mean, device=device, dtype=dtype)[index]
            std = torch.tensor(self.signal.std, device=device, dtype=dtype)[index]
            self._constants[key] = (index.reshape(-1), mean, std)
        return self._constants[key]


def _matrices(quaternion: Tensor) -> Tensor:
    """Return the rotation matrices (n, 3, 3) of non-zero quaternions (n, 4) of any length, scalar part first.

    Gaussian quaternions point uniformly, which makes the rotations uniform on SO(3).
    """
    q = torch.nn.functional.normalize(quaternion, dim=1)
    twice = 2.0 * q[:, :, None] * q[:, None, :]
    ww_xx_yy_zz = twice.diagonal(dim1=1, dim2=2)
    xx, yy, zz = ww_xx_yy_zz[:, 1], ww_xx_yy_zz[:, 2], ww_xx_yy_zz[:, 3]
    wx, wy, wz = twice[:, 0, 1], twice[:, 0, 2], twice[:, 0, 3]
    xy, xz, yz = twice[:, 1, 2], twice[:, 1, 3], twice[:, 2, 3]
    entries = (1 - yy - zz, xy - wz, xz + wy, xy + wz, 1 - xx - zz, yz - wx, xz - wy, yz + wx, 1 - xx - yy)
    return torch.stack(entries, dim=1).reshape(-1, 3, 3)
