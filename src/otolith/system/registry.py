"""One registry for everything that is found by its name: methods, encoders, augmentations, data sets, metrics, ...

What users add from outside comes by `otolith.system.plugins`, whatever its kind.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from threading import RLock
from types import CodeType, ModuleType
from typing import Any, Generic, TypeVar

from otolith.errors import OtolithError, unknown

Entry = TypeVar("Entry")
Given = TypeVar("Given")
REGISTRIES: dict[str, Registry[Any]] = {}
"""The registries that plug-ins may add to, by kind: each joins when its room is imported."""
MORE: list[Callable[[], None]] = []
"""Functions that bring further entries once, called whenever a registry that takes plug-ins is asked."""
LOCK = RLock()
"""Held while entries are searched or plug-ins are loaded."""
_LOADING: ContextVar[tuple[Path] | None] = ContextVar("loading", default=None)  # the file, in a tuple for each load
Brought = list[tuple["Registry[Any]", str, Any]]
"""Entries that a plug-in brings: registry, name, and what stood there before."""
BRINGING: ContextVar[Brought | None] = ContextVar("bringing", default=None)
"""List of what the plug-in that is being loaded has brought so far; None: what is registered is otolith's own."""


class Taken(ValueError):
    """A name that another entry has."""

    def __init__(self, kind: str, name: str, other: object, entry: object) -> None:
        super().__init__(f"two {kind}s are named {name!r}: {other!r} and {entry!r}; rename one of them")
        self.kind, self.name = kind, name


def specs_of(load: Callable[[], ModuleType], path: Path) -> Iterable[Any]:
    """Import a file and return its module-level `SPEC` or `SPECS`."""
    module = load()
    return (module.SPEC,) if hasattr(module, "SPEC") else getattr(module, "SPECS", ())


class Registry(Generic[Entry]):
    """Entries of one kind by name: those in the modules of a package, and those of files that are added.

    A file's entries are its module-level `SPEC` or `SPECS` and whatever it hands to `register` while it is imported.
    The package is searched when the registry is first asked for something.

    Args:
        kind: the entries' noun in messages, such as "method".
        package: the package whose modules are searched; None for none.
        error: class of the errors about unknown names and unusable files.
        name: gives an entry's name; its attribute `name` unless said otherwise.
        order: gives the key by which entries are sorted; their name unless said otherwise.
        read: gives a file's entries from a function that imports it and from its path; imports it by default.
        takes: tells which values that plug-ins bring are of this kind; None: no plug-ins.
        also: gives the names that others use for an entry, in lower case, for messages.

    >>> from types import SimpleNamespace
    >>> shapes = Registry("shape", None, OtolithError)
    >>> circle = shapes.register(SimpleNamespace(name="circle"))
    >>> shapes.names(), shapes.get("circle") is circle
    (['circle'], True)
    """

    def __init__(
        self,
        kind: str,
        package: str | None,
        error: type[OtolithError],
        *,
        name: Callable[[Any], str] = lambda entry: str(entry.name),
        order: Callable[[Any], Any] | None = None,
        read: Callable[[Callable[[], ModuleType], Path], Iterable[Entry]] = specs_of,
        takes: Callable[[Any], bool] | None = None,
        also: Callable[[Any], Iterable[str]] = lambda entry: (),
    ) -> None:
        self.kind, self.package, self.error = kind, package, error
        self._name, self._order, self._read, self._takes, self._also = name, order or name, read, takes, also
        self._entries: dict[str, tuple[Any, tuple[Path] | None]] = {}
        self._searched = package is None
        if takes is not None:
            REGISTRIES[kind] = self

    def register(self, entry: Given) -> Given:
        """Make an entry known under its name and return it; usable as a decorator.

        Raises:
            ValueError: another entry has that name. Only the same file, loaded again, may replace its own.
        """
        name, load, brought = self._name(entry), _LOADING.get(), BRINGING.get()
        if brought is not None:
            self._search_own()  # whose names come first
        other, before = self._entries.get(name, (None, None))
        if other is entry:
            return entry
        if other is not None and (load is None or load is before or load != before):
            raise Taken(self.kind, name, other, entry)
        if brought is not None:
            brought.append((self, name, self._entries.get(name)))
        self._entries[name] = entry, load
        return entry

    def takes(self, value: object) -> bool:
        """Tell whether a value that a plug-in brings is of this kind."""
        return self._takes is not None and self._takes(value)

    def taken_out(self, names: Iterable[str]) -> dict[str, Any]:
        """Forget some entries, and return what is needed to put them back."""
        return {name: self._entries.pop(name) for name in set(names) & set(self._entries)}

    def put_back(self, name: str, before: Any) -> None:
        """Undo a registration: `before` stood there, or nothing."""
        self._entries.pop(name, None)
        if before is not None:
            self._entries[name] = before

    def add_file(self, path: str | Path) -> list[str]:
        """Register the entries of one more Python file, wherever it lies, and return their names.

        Raises:
            OtolithError: the file cannot be read or imported, or holds no entry; of the registry's own class.
            ValueError: an entry of another file has the same name.
        """
        self._search()
        path, before = Path(path).resolve(), dict(self._entries)
        try:
            with self._explained(path):
                for read in dict.fromkeys((self._read, specs_of)):  # what reading does not find, importing does
                    self._load(partial(self._imported, path), path, read)
                    found = [name for name in self._entries if self._entries[name] is not before.get(name)]
                    if found:
                        return found
            raise self.error(f"{path} holds no {self.kind}: expected a SPEC, or a class that it registers")
        except Exception:
            self._entries = before
            raise

    def names(self) -> list[str]:
        """Return the names of all entries, in their order."""
        return [self._name(entry) for entry in self]

    def get(self, name: str) -> Entry:
        """Return the entry of that name.

        Raises:
            OtolithError: no entry has that name; the message suggests the nearest. Of the registry's own class.
        """
        if name not in self:
            meant = (self._name(entry) for entry in self if str(name).lower().replace("_", "-") in self._also(entry))
            raise self.error(unknown(self.kind, name, self._entries, next(meant, "")))
        found: Entry = self._entries[name][0]
        return found

    def __contains__(self, name: object) -> bool:
        self._search()
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        self._search()
        return iter(sorted((entry for entry, _ in self._entries.values()), key=self._order))

    @contextmanager
    def preserved(self) -> Iterator[None]:
        """Forget, at the end of this context, the entries that were added within it."""
        self._search()
        before = dict(self._entries)
        try:
            yield
        finally:
            self._entries = before

    def _search(self) -> None:
        """Load the package's modules once, and then what plug-ins bring."""
        self._search_own()
        if self._takes is not None:
            for bring in MORE:
                bring()

    def _search_own(self) -> None:
        with LOCK:
            if self._searched:
                return
            self._searched = True  # first, for modules that ask while they are imported
            token = BRINGING.set(None)
            try:
                for module in pkgutil.iter_modules(importlib.import_module(str(self.package)).__path__):
                    found = importlib.util.find_spec(f"{self.package}.{module.name}")
                    assert found is not None
                    self._load(partial(importlib.import_module, found.name), Path(str(found.origin)), self._read)
            except BaseException:
                self._searched = False
                raise
            finally:
                BRINGING.reset(token)

    @contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if isinstance(error, OtolithError) or type(error) in (ValueError, Taken):
                raise
            raise self.error(f"{path} cannot be loaded as a {self.kind}: {type(error).__name__}: {error}") from error

    def _imported(self, path: Path) -> ModuleType:
        """Import a file that was added, perhaps long after that."""
        with self._explained(path):
            return import_file(path)

    def _load(self, load: Callable[[], ModuleType], path: Path, read: Callable[..., Iterable[Any]]) -> None:
        with loading(path):
            for entry in read(load, path):
                self.register(entry)


@contextmanager
def loading(path: Path) -> Iterator[None]:
    """Let what is registered within this context count as the file's own, which another load of it may replace."""
    token = _LOADING.set((path,))
    try:
        yield
    finally:
        _LOADING.reset(token)


def module_name(path: Path) -> str:
    """Return the name under which a file is imported by its path, the same in every process."""
    return f"otolith_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


class _Anew(SourceFileLoader):
    """Compiles a text each time: what was compiled before a change within the same second would pass for it."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def import_file(path: Path) -> ModuleType:
    """Import a Python file by its path, anew each time, as a module of its own."""
    if path.suffix != ".py":
        raise ImportError(f"{path.name} is not a Python file")
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Anew(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file")
    before = sys.modules.get(spec.name)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        with loading(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        if before is not None:
            sys.modules[spec.name] = before
        raise
    return module
