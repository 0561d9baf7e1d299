"""The base class of encoders: networks from windows to features, of sizes that others can read."""

from __future__ import annotations

from torch import Tensor, nn

MIN_STEPS = 8
"""Fewest time steps of a window: three poolings by two leave one step in the autoencoder."""


class Encoder(nn.Module):
    """A network (batch, n_channels, n_steps) -> (batch, n_features); every method trains one.

    One with an output for each time step, or each of several steps, says so by `width` and `n_out_steps` and computes
    it in `steps`; heads that pool over time and masked reconstruction use it.

    Args:
        n_channels: channels of a window.
        n_steps: time steps of a window.
        n_features: features of a window.
        fewest: the least number of steps that the network can take.
        n_out_steps, width: size of the output of `steps`; None where there is none.

    Attributes:
        flattened: (n_out_steps, width) if the features are the output of `steps`, flattened, or several such blocks
            side by side; then, where further features follow them, their number; else None.

    Raises:
        ValueError: fewer steps than that.

    >>> import torch
    >>> class Means(Encoder):
    ...     def forward(self, x):
    ...         return x.mean(dim=2)
    >>> encoder = Means(n_channels=6, n_steps=30, n_features=6)
    >>> encoder(torch.zeros(4, 6, 30)).shape == (4, encoder.n_features)
    True
    """

    flattened: tuple[int, ...] | None = None

    def __init__(
        self,
        n_channels: int,
        n_steps: int,
        n_features: int,
        fewest: int = MIN_STEPS,
        *,
        n_out_steps: int | None = None,
        width: int | None = None,
    ) -> None:
        super().__init__()
        if n_steps < fewest:
            raise ValueError(f"a window of {n_steps} steps is too short: the encoder needs at least {fewest}")
        self.n_channels, self.n_steps, self.n_features = n_channels, n_steps, n_features
        self.n_out_steps, self.width = n_out_steps, width

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (batch, n_features) of windows x (batch, n_channels, n_steps) in z-score units."""
        raise NotImplementedError

    def feature_names(self) -> tuple[str, ...]:
        """Return a name for each feature: its own (`names`), or `feature_` and its number."""
        own: tuple[str, ...] | None = getattr(self, "names", None)
        digits = len(str(self.n_features - 1))
        return own or tuple(f"feature_{number:0{digits}}" for number in range(self.n_features))

    def steps(self, x: Tensor) -> Tensor:
        """Return the output over time, (batch, n_out_steps, width), of windows x (batch, n_channels, n_steps).

        Output i belongs to the input steps from i s to (i + 1) s - 1, where s is n_steps / n_out_steps, rounded up.

        Raises:
            NotImplementedError: the encoder has no such output; its `n_out_steps` is None.
        """
        raise NotImplementedError(f"{type(self).__name__} has no output for each time step")
