"""The call of `actfast`, which a worker process makes: a file that ends that process is refused."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import Any

import numpy as np

from otolith.importing.containers.worker import Undecodable

TABLES = ("high_frequency", "acceleration")
"""Tables of actfast with an accelerometer."""


def decode(content: bytes) -> tuple[Any, ...]:
    """Return header, pages, damage, times, accelerometer, gyroscope and temperature of a file; the worker runs this.

    Raises:
        Undecodable: it is damaged beyond use.
    """
    import actfast

    path = ""
    try:
        handle, path = tempfile.mkstemp(prefix=".otolith-device-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        found = actfast.read(path, lenient=True)
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise Undecodable((str(error).replace(path or "it", "it").splitlines() or [type(error).__name__])[0]) from None
    finally:
        with suppress(OSError):
            os.remove(path)
    tables: dict[str, Any] = dict(found["timeseries"])
    main: dict[str, Any] = next((tables[name] for name in TABLES if name in tables), {})
    slow = tables.get("low_frequency", {})
    nothing = np.empty(0, np.float32)
    arrays = [main.get("datetime", np.empty(0, np.int64)), main.get("acceleration", nothing)]
    arrays += [main.get("gyroscope", nothing), slow.get("temperature", nothing)]
    about = {part: dict(said) for part, said in found["metadata"].items()}
    return about, len(slow.get("datetime", nothing)) or 1, list(found["warnings"]), *(each.tobytes() for each in arrays)
