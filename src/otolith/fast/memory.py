"""Keeping freed memory in the process.

The C library gives large blocks back to the system as soon as they are freed; a training step that allocates the same
tensors again then spends up to a third of its time on page faults and on zeroing pages. On Linux with glibc two
thresholds turn that off. The process keeps the largest amount of memory that it has needed.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of malloc.h


@cache
def keep_pages() -> bool:
    """Keep freed memory, for good; returns whether this system has the means."""
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1)) and bool(mallopt(_MMAP_MAX, 0))
