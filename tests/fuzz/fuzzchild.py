"""One process of the fuzz harness: tries examples of one reader one after another, and notes what came of each.

What it does is told in `state`, an array in a file that the parent maps too, so that a hang or a crash of the whole
process is seen from outside.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, readers

VERDICTS = ("read", "refused", "CRASH", "HANG", "ESCAPED")
INDEX, PEAK, DONE = 5, 6, 7
"""Places in `state` after the counts of verdicts: example in work, peak memory in MB, 1 at the end."""
ROOM_BYTES = 2 << 30
"""Address space beyond what a process has before its first example; who asks for more gets MemoryError."""
STOPPED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")
_LOKY, _WORKER = "joblib.externals.loky.process_executor", "otolith.importing.containers.worker"
OF_WORKERS = (
    (_LOKY, "_ResultItem"),
    (_LOKY, "_rebuild_exc"),
    (_LOKY, "_ExceptionWithTraceback"),
    (_WORKER, "Undecodable"),
)
"""Messages of our own process that decodes files: its results, and the reason why a file cannot be decoded."""
CHANGES = ("os.mkdir", "os.rename", "os.symlink", "os.link", "os.remove", "os.rmdir", "os.truncate", "os.chmod")


class Guard:
    """Sees every file that Python opens: writing outside of `box`, or reading the bait beside it, is an escape."""

    def __init__(self, box: Path, bait: Path) -> None:
        self.box, self.bait = str(box), str(bait)
        self.config = str(box.parents[1] / "matplotlib")
        self.temporary = tempfile.gettempdir()  # not within `_hear`: it waits for itself there
        self.on, self.found = False, [""][:0]
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = given
            if isinstance(path, str | bytes | os.PathLike):
                writes = isinstance(mode, str) and set(mode) & set("wax+")
                writes = writes or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
                # the temporary folder itself, opened to write: a file in it that never has a name
                self._judge(event, path, bool(writes) and os.fsdecode(path) != self.temporary)
        elif event in CHANGES:
            for path in given:
                if isinstance(path, str | bytes | os.PathLike):
                    self._judge(event, path, True)
        elif event in STOPPED and not (event == "pickle.find_class" and given in OF_WORKERS):
            self.found.append(f"{event} {given!r}"[:200])

    def _judge(self, event: str, path: str | bytes | os.PathLike[Any], writes: bool) -> None:
        with contextlib.suppress(ValueError):  # a NUL in the name: nothing is opened
            place = os.path.realpath(os.fsdecode(path))
            inside = any(place == own or place.startswith(own + os.sep) for own in (self.box, self.config))
            if (writes and not inside and place != os.devnull) or place.startswith(self.bait):
                self.found.append(f"{event} {place}")


def example(reader: Reader, valid: list[Files], seed: int, number: int) -> Files:
    """Input `number`, which depends on the seed alone."""
    rng = random.Random(f"{seed} {reader.name} {number}")
    files = rng.choice(valid)
    try:
        return reader.mutate(rng, files)
    except Exception:
        name = rng.choice(sorted(files))
        return files | {name: fuzzmutate.bytes_of(rng, files[name])}


def work(name: str, folder: str, seed: int, numbers: tuple[int, int], show: bool = False) -> None:
    """Try the examples from the first to before the second of `numbers`; with `show`, tell how each ends."""
    place = Path(folder)
    log = os.open(place / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if not show:
        os.dup2(log, 1)
        os.dup2(log, 2)
    faulthandler.enable(log)
    faulthandler.register(signal.SIGUSR1, log)
    state = np.memmap(place / "state", np.float64, "r+", shape=(8,))
    state[INDEX] = -1
    box, bait = place / "box", place / "outside"
    (place / "found.jsonl").touch()
    os.environ["OTOLITH_HOME"], os.environ["MPLCONFIGDIR"] = str(box / "home"), str(place.parent / "matplotlib")
    for beside_box in (bait, place.parent / "matplotlib"):
        beside_box.mkdir(exist_ok=True)
    (bait / "evil").write_text("time,acc_x,acc_y,acc_z\n")
    guard = Guard(box.resolve(), bait.resolve())
    reader = readers()[name]()
    _emptied(box)
    reader.prepare()
    valid = reader.valid()
    for number, files in enumerate(valid):
        _put(box, files)
        try:
            reader.read(box, files)
        except Exception as error:
            raise RuntimeError(f"{name}: sound input {number} is not read: {error!r}") from error
    beside = sorted(os.listdir(place))
    room = _status("VmSize")
    if room:
        resource.setrlimit(resource.RLIMIT_AS, (room * 1024 + ROOM_BYTES,) * 2)
    start_mb = _fresh_peak()
    warnings.simplefilter("error")
    for number in range(*numbers):
        state[INDEX] = number
        files = example(reader, valid, seed, number)
        _put(box, files)
        verdict, what, trace = _try(reader, guard, box, files)
        if sorted(os.listdir(place)) != beside:
            verdict, what = "ESCAPED", f"beside the box lie {sorted(os.listdir(place))}"
            for left in set(os.listdir(place)) - set(beside):
                (shutil.rmtree if (place / left).is_dir() else os.remove)(place / left)
        state[VERDICTS.index(verdict)] += 1
        if show:
            sys.stdout.write(f"{verdict}: {what}\n{trace}")
        if verdict not in VERDICTS[:2]:
            with open(place / "found.jsonl", "a") as file:
                found = {"verdict": verdict, "number": number, "what": what, "trace": trace}
                file.write(json.dumps(found) + "\n")
    state[PEAK] = max(state[PEAK], _status("VmHWM") / 1024 - start_mb)
    state[DONE] = 1


def _try(reader: Reader, guard: Guard, box: Path, files: Files) -> tuple[str, str, str]:
    guard.on, verdict, what, trace = True, "read", "", ""
    try:
        reader.read(box, files)
    except reader.refusals as error:
        verdict, what = "refused", str(error)
        if not what.strip():
            verdict, what = "CRASH", f"{type(error).__name__} without a message"
    except BaseException as error:
        guard.on = False
        verdict, what = "CRASH", f"{type(error).__name__}: {str(error)[:300]!r} {_where(error)}"
        trace = "".join(traceback.format_exception(error))[-6000:].encode("utf-8", "replace").decode()
    guard.on = False
    if guard.found:
        verdict, what = "ESCAPED", "; ".join(guard.found[:3])
        guard.found.clear()
    return verdict, what.encode("utf-8", "backslashreplace").decode(), trace


def _where(error: BaseException) -> str:
    """The last line of otolith's own, or of the reader's assertions, that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f"{os.sep}otolith{os.sep}" in f.filename] or frames
    asserted = frames[-1] if isinstance(error, AssertionError) else ours[-1]
    return f"at {Path(asserted.filename).name}:{asserted.lineno}"


def _emptied(box: Path) -> None:
    os.chdir(box.parent)
    shutil.rmtree(box, ignore_errors=True)
    (box / "home").mkdir(parents=True)
    os.chdir(box)


def _put(box: Path, files: Files) -> None:
    _emptied(box)
    for name, content in files.items():
        path = box / name
        if path.parent != box:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _status(field: str) -> int:
    """kB of this process, where the system tells; 0 elsewhere."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        return next((int(line.split()[1]) for line in file if line.startswith(field + ":")), 0)
    return 0


def _fresh_peak() -> float:
    """Forget the peak so far; MB in use now."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _status("VmRSS") / 1024
