"""Windows of recordings, the only place that repairs times, resamples and cuts.

`value` has the windows themselves, `described` shows them, `times` repairs time stamps, `clock` brings all sensors of
a recording onto one regular clock, `cutting` cuts and `resampling` resamples. `cache` keeps windows on disk by the
`fingerprint` of files and fills itself through `blocks`, with several processes where that is worth it. `subjects`
has the split of subjects that a data set asks for.
"""

from otolith.windows.cutting import cut, window_starts
from otolith.windows.described import Window
from otolith.windows.meta import WindowMeta
from otolith.windows.resampling import resample
from otolith.windows.value import Windows

__all__ = ["Window", "WindowMeta", "Windows", "cut", "resample", "window_starts"]
