"""Plug-ins: entries of any registry that come from an installed package or from a Python file, wherever it lies.

A plug-in is a module with a `SPEC` or `SPECS`, or one that hands entries to `register` while it is imported. Packages
announce theirs as entry points of the group `GROUP`. Files are loaded by their path, and a variable of the environment,
`FILES`, names them to processes that this one starts, which load the same.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from otolith.errors import PluginError
from otolith.system import registry
from otolith.system.bringing import brought, digest_of, source_of
from otolith.system.reading import MOST_TEXT, read_bytes

GROUP = "otolith.plugins"
"""Group of entry points by which packages announce modules with entries."""
FILES = "OTOLITH_PLUGINS"
"""Variable of the environment with the paths of files to load, separated as those of PATH."""
PROMPT = "registered in Python"
"""Name, in rows, of what `register` was handed and no file or package brought."""


@dataclass(frozen=True)
class Plugin:
    """A plug-in that was loaded.

    Attributes:
        name: the file's name, or the package's.
        version: of a package; empty for a file.
        digest: first 12 hexadecimal digits of the SHA-256 of its code.
        entries: kind and name of each entry that it brings.
        path: of the file; None for a package.
    """

    name: str
    version: str
    digest: str
    entries: tuple[tuple[str, str], ...]
    path: Path | None = None


_LOADED: dict[str, Plugin] = {}  # by path or by the package's name
_FAILED: dict[str, str] = {}  # packages that cannot be loaded, and the reasons
_log = logging.getLogger(__name__)
_searched = False


def loaded() -> tuple[Plugin, ...]:
    """Return all plug-ins, installed ones and files, in the order in which they were loaded.

    Raises:
        PluginError: a file cannot be loaded.
    """
    load_all()
    return tuple(_LOADED.values())


def behind(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the plug-ins that bring some of these entries: the digest of each by its name, as rows name them.

    Args:
        entries: kind and name of each, such as ("method", "dynamic").

    >>> behind([("method", "dynamic")])
    {}
    """
    asked = set(entries)
    return {each.name: each.digest for each in loaded() if asked & set(each.entries)}


def missing(named: Mapping[str, str]) -> str:
    """Return the sentence on plug-ins that something was made with and that are not loaded; empty if all are.

    Args:
        named: digests by name, as `behind` gives them.
    """
    there = {each.name for each in loaded()}
    lacking = [f"{name} ({digest})" for name, digest in named.items() if name not in there]
    if not lacking:
        return ""
    if reasons := [_FAILED[name] for name in named if name in _FAILED]:
        return f"It was made with the plug-in {', '.join(lacking)}. {' '.join(reasons)}"
    return (
        f"It was made with the plug-in {', '.join(lacking)}, which is not loaded: give its file by --plugin FILE (in "
        "Python, otolith.register(file)), or install its package."
    )


def changed(named: Mapping[str, str]) -> str:
    """Return the sentence on plug-ins whose code is another than that which something was made with; empty if none."""
    now = {each.name: each.digest for each in loaded()}
    odd = [f"{name} was {was}, is {now[name]}" for name, was in named.items() if now.get(name, was) != was]
    return f"The code of a plug-in has changed since it was made: {'; '.join(odd)}." if odd else ""


def load_all() -> None:
    """Load what is installed, and the files that the environment names, once.

    A package that cannot be loaded is told as a warning of the log: nobody asked for it by name.

    Raises:
        PluginError: a file cannot be loaded.
    """
    global _searched
    if _searched:
        return
    with registry.LOCK:
        if _searched:
            return
        _searched = True  # first, for plug-ins that ask registries while they are imported
        try:
            _FAILED.clear()
            for name, points in _installed().items():
                try:
                    _load_package(name, points)
                except PluginError as error:
                    _FAILED[name] = str(error)
                    _log.warning("%s All that does not need it goes on without it.", error)
            for path in filter(None, os.environ.get(FILES, "").split(os.pathsep)):
                load(path)
        except BaseException:
            _searched = False
            raise


def load(file: str | Path) -> Plugin:
    """Load a Python file as a plug-in; one that was loaded already is loaded anew only if its text has changed.

    Processes that this one starts from now on load it, too.

    Raises:
        PluginError: there is no such file, it cannot be imported, brings nothing, or takes a name that exists. Nothing
            of it is registered then.
    """
    path = Path(file).expanduser().resolve()
    cure = "Mend that file, or leave it out."
    try:
        digest = hashlib.sha256(read_bytes(path, MOST_TEXT)).hexdigest()[:12]
    except OSError as error:
        raise PluginError(f"The plug-in {file} cannot be read: {error.strerror or error}. Give its path.") from None
    load_all()
    with registry.LOCK:
        before = _LOADED.get(str(path))
        if before is not None and before.digest == digest and registry.module_name(path) in sys.modules:
            return before
        for other in _LOADED.values():
            if other.name == path.name and other.path != path:
                raise PluginError(f"Two plug-ins are named {path.name}: {other.path} and {path}. Rename one of them.")
        entries = brought(str(file), cure, lambda: registry.import_file(path), path, _owner)
        found = _LOADED[str(path)] = Plugin(path.name, "", digest, entries, path)
        named = os.environ.get(FILES, "").split(os.pathsep)
        os.environ[FILES] = os.pathsep.join(dict.fromkeys([*filter(None, named), str(path)]))
        find_files()
        return found


def register(thing: Any) -> Any:
    """Make a method, an encoder, an augmentation, a data set, a format, a protocol or a metric known to otolith.

    Args:
        thing: a spec or a class of one of these kinds, which is returned, so that this decorates a class; or the path
            of a Python file with such (`otolith run --plugin FILE`), of which a `Plugin` is returned. What was handed
            to this function may be replaced by handing in another of its name.

    Raises:
        PluginError: it is of no such kind, has a name that exists, or is a file that cannot be loaded.

    >>> import otolith
    >>> from otolith.metrics import Metric
    >>> errors = Metric("error_rate", "Error rate", lambda p: float((p.y_true != p.y_pred).mean()), "share of errors")
    >>> with forgotten():
    ...     otolith.register(errors) is errors
    True
    """
    if isinstance(thing, str | Path):
        return load(thing)
    load_all()
    before = _LOADED.get(PROMPT)
    mine = () if before is None else before.entries
    with registry.LOCK:
        entries = brought(repr(thing), "Give another name.", lambda: thing, Path(PROMPT), _owner)
        digest = hashlib.sha256(source_of(thing).encode()).hexdigest()[:12]
        if before is not None and set(mine) - set(entries):
            digest = hashlib.sha256(f"{before.digest}{digest}".encode()).hexdigest()[:12]
        _LOADED[PROMPT] = Plugin(PROMPT, "", digest, tuple(dict.fromkeys([*mine, *entries])))
    return thing


@contextmanager
def forgotten() -> Iterator[None]:
    """Begin, within this context, as if no plug-in had been loaded; all is as before at its end."""
    global _searched
    with registry.LOCK:
        state = (dict(_LOADED), _searched, os.environ.get(FILES), dict(_FAILED))
        entries = {each: each.taken_out(_entries_of(kind)) for kind, each in registry.REGISTRIES.items()}
        _LOADED.clear()
        _searched = False
        os.environ.pop(FILES, None)
    try:
        yield
    finally:
        with registry.LOCK:
            for kind, each in registry.REGISTRIES.items():
                each.taken_out(_entries_of(kind))
            for each, taken in entries.items():
                for name, entry in taken.items():
                    each.put_back(name, entry)
            _LOADED.clear()
            _LOADED.update(state[0])
            _FAILED.clear()
            _FAILED.update(state[3])
            _searched = state[1]
            os.environ.pop(FILES, None)
            if state[2] is not None:
                os.environ[FILES] = state[2]


def _entries_of(kind: str) -> list[str]:
    return [name for each in _LOADED.values() for of, name in each.entries if of == kind]


def _owner(kind: str, name: str) -> str:
    return next((each.name for each in _LOADED.values() if (kind, name) in each.entries), "otolith itself")


def _installed() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """Return the entry points of plug-ins by the name of their package."""
    found: dict[str, list[importlib.metadata.EntryPoint]] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        name = "an unknown package" if point.dist is None else point.dist.name
        points = found.setdefault(name, [])
        if point not in points:  # a package may lie on the path twice, as one that is being edited
            points.append(point)
    return found


def _load_package(name: str, points: list[importlib.metadata.EntryPoint]) -> None:
    entries: list[tuple[str, str]] = []
    for point in points:
        title = f"{point.name!r} of {name}"
        entries += brought(title, "Update or uninstall that package.", point.load, Path(point.value), _owner)
    version = "" if points[0].dist is None else points[0].dist.version
    _LOADED[name] = Plugin(name, version, digest_of({point.module.split(".")[0] for point in points}), tuple(entries))


def find_files() -> None:
    """Let the modules of files be found by their names, as pickles of another process have them."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        finder: Any = _Finder()
        sys.meta_path.append(finder)


class _Finder:
    """Finds the modules of files by their names, as pickles of another process have them."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.startswith("otolith_file_"):
            for file in filter(None, os.environ.get(FILES, "").split(os.pathsep)):
                if registry.module_name(Path(file)) == name:
                    return ModuleSpec(name, cast(Any, _Loader(Path(file))), origin=file)
        return None


class _Loader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        load(self.path)
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: loading has run it."""


registry.MORE.append(load_all)
if os.environ.get(FILES):
    find_files()
