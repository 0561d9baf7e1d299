"""Windows: what they are (`value`), how recordings become windows (`cutting`), and the resampling filter."""

from otolith.windows.cutting import cut, window_starts
from otolith.windows.resampling import resample
from otolith.windows.value import WindowMeta, Windows

__all__ = ["WindowMeta", "Windows", "cut", "resample", "window_starts"]
