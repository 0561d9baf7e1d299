"""What happens within the process of a command: its steps are counted, one of them is struck, costly work is spared."""

from __future__ import annotations

import builtins
import errno
import io
import mmap
import os
import resource
import signal
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEPS = (
    *("mkdir", "open", "write", "rename", "replace", "fsync", "ftruncate", "unlink", "remove", "rmdir", "symlink"),
    *("link", "truncate"),
)
"""Calls of the operating system by which files and folders are made, filled, put in place and removed."""
BEFORE, AFTER, WITHIN = "SIGKILL before a step", "SIGKILL after a step", "killed within a write"
FULL, TORN, TWICE, FLIPPED = "disk full at a step", "write fails in the middle", "started twice", "bit flipped"
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>\n'
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)


@dataclass
class Strike:
    """What a process does to itself.

    Attributes:
        where: the folder below which its steps are counted.
        tally: a file of 16 bytes that is there: it gets the number of steps so far, and whether one was struck.
        kind: of the fault; empty where nothing happens.
        at: the number of the step, or of a write the byte of its file from which on nothing is written any more.
        home: its `OTOLITH_HOME`.
        graph: a file that keeps what PyTorch makes of the model for ONNX, which takes seconds, from the first time on.
    """

    where: str
    tally: str
    kind: str = ""
    at: int = 0
    home: str = ""
    graph: str = ""

    def begin(self) -> None:
        """Take hold of this process."""
        os.environ |= {"OTOLITH_HOME": self.home, "COLUMNS": "1000"}
        self._spare()
        descriptor = os.open(self.tally, os.O_RDWR)
        self._shared = mmap.mmap(descriptor, 16)
        os.close(descriptor)
        self._struck()
        if self.kind in (WITHIN, TORN):
            self._limit()

    def _limit(self) -> None:
        """Let the system cut the first file that grows beyond `at` bytes, and end the process or refuse the write."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.kind == WITHIN:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        else:
            signal.signal(signal.SIGXFSZ, lambda *_: struct.pack_into("q", self._shared, 8, 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.at, self.at))

    def _spare(self) -> None:
        """Draw empty pictures, and trace the network for ONNX once: neither has to do with files."""
        from matplotlib.figure import Figure

        def savefig(figure: Figure, to: Any, *, format: str | None = None, **_: Any) -> None:
            content = PIXEL if (format or str(to).rpartition(".")[2]) == "png" else PICTURE
            if isinstance(to, str | os.PathLike):
                Path(to).write_bytes(content)
            else:
                to.write(content.decode() if isinstance(to, io.TextIOBase) else content)

        Figure.savefig = savefig  # type: ignore[method-assign,assignment]
        if self.graph:
            import torch.onnx

            export = torch.onnx.export

            def kept(*args: Any, **options: Any) -> Any:
                import onnx

                if not os.path.exists(self.graph):
                    made = export(*args, **options)
                    assert made is not None
                    onnx.save(made.model_proto, self.graph)
                return type("Program", (), {"model_proto": onnx.load(self.graph)})

            torch.onnx.export = kept

    def _struck(self) -> None:
        from otolith.system import exchange

        counting, count = threading.Lock(), 0

        def below(given: object, folder: int | None) -> bool:
            try:
                path = _opened(given) if isinstance(given, int) else os.fsdecode(given)  # type: ignore[arg-type]
                path = path if folder is None else os.path.join(_opened(folder), path)
            except (OSError, TypeError):
                return False
            return os.path.abspath(path).startswith(self.where)

        def now() -> bool:
            nonlocal count
            with counting:
                count += 1
                hit = count == self.at and self.kind in (BEFORE, AFTER, FULL)
                struct.pack_into("qq", self._shared, 0, count, int(hit or self._shared[8]))
            return hit

        def around(call: Callable[..., Any], writes: Callable[..., bool] | None = None) -> Callable[..., Any]:
            def counted(*args: Any, **options: Any) -> Any:
                mine = bool(args) and (writes is None or writes(*args, **options))
                if not (mine and below(args[0], options.get("dir_fd")) and now()):
                    return call(*args, **options)
                if self.kind == BEFORE:
                    os.kill(os.getpid(), signal.SIGKILL)
                if self.kind == FULL:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
                try:  # a call that fails, such as mkdir of what is there, is a moment like others
                    return call(*args, **options)
                finally:
                    os.kill(os.getpid(), signal.SIGKILL)

            return counted

        for name in STEPS:
            setattr(os, name, around(getattr(os, name), _creating if name == "open" else None))
        exchange.exchanged = around(exchange.exchanged)
        io.open = builtins.open = around(io.open, _for_writing)  # type: ignore[assignment]


def counts(tally: Path) -> tuple[int, bool]:
    """Return the number of steps that a process took, and whether one was struck."""
    steps, hit = struct.unpack("qq", tally.read_bytes())
    return steps, bool(hit)


def _opened(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _for_writing(path: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    return any(letter in mode for letter in "wxa+")


def _creating(path: Any, flags: int, *_: Any, **__: Any) -> bool:
    return bool(flags & os.O_CREAT)
