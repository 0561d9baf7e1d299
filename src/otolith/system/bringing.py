"""Registration of what a plug-in brings, all or nothing, and digests of its code."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from otolith.errors import OtolithError, PluginError
from otolith.system import registry
from otolith.system.reading import MOST_TEXT, read_bytes


def brought(
    title: str, cure: str, give: Callable[[], Any], origin: Path, owner: Callable[[str, str], str]
) -> tuple[tuple[str, str], ...]:
    """Register what a plug-in brings, all or nothing, and return the kind and name of each entry.

    Args:
        title: of the plug-in, in messages.
        give: gives its module, or one entry.
        cure: what to do about one that cannot be loaded.
        origin: tells it from others; what one of the same origin brought before may be replaced.
        owner: gives who has brought the entry of a kind and name.

    Raises:
        PluginError: it cannot be imported, brings nothing, or takes a name that exists.
    """
    found_so_far: registry.Brought = []
    token = registry.BRINGING.set(found_so_far)
    try:
        with registry.loading(origin):
            given = give()
            found = list(registry.specs_of(lambda: given, origin)) if isinstance(given, ModuleType) else [given]
            for entry in found:
                takers = [each for each in registry.REGISTRIES.values() if each.takes(entry)]
                if not takers:
                    raise PluginError(
                        f"{entry!r:.100} is of no kind that otolith knows: {', '.join(sorted(registry.REGISTRIES))}."
                    )
                takers[0].register(entry)
        if not found_so_far and not found:
            raise PluginError(
                "it brings nothing: expected a SPEC or SPECS, or a class under `@register`, of a kind that otolith "
                f"knows: {', '.join(sorted(registry.REGISTRIES))}."
            )
    except BaseException as error:
        for each, name, before in reversed(found_so_far):
            each.put_back(name, before)
        if isinstance(error, registry.Taken):
            whose = owner(error.kind, error.name)
            reason = f"a {error.kind} named {error.name!r} exists already, from {whose}; choose another name"
        elif isinstance(error, OtolithError):
            reason = str(error)
        elif isinstance(error, Exception | SystemExit):
            reason = f"{type(error).__name__}: {error}"
        else:
            raise
        raise PluginError(f"The plug-in {title} cannot be loaded: {reason.rstrip('.')}. {cure}") from error
    finally:
        registry.BRINGING.reset(token)
    return tuple(dict.fromkeys((each.kind, name) for each, name, _ in found_so_far))


def digest_of(modules: Iterable[str]) -> str:
    """Return the digest of the Python files of some modules of the top level."""
    sha = hashlib.sha256()
    for name in sorted(modules):
        spec = importlib.util.find_spec(name)
        folders = [] if spec is None else list(spec.submodule_search_locations or [])
        files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
        if not folders and spec is not None and spec.origin:
            files = [Path(spec.origin)]
        for file in files:
            sha.update(file.name.encode() + b"\0" + read_bytes(file, MOST_TEXT) + b"\0")
    return sha.hexdigest()[:12]


def source_of(thing: Any) -> str:
    """Return the text of a class, or of the functions of a spec, by which one is told from another of its name."""
    import inspect

    kind = thing if isinstance(thing, type) else type(thing)
    parts = [thing] if isinstance(thing, type) else [v for v in vars(thing).values() if callable(v)] or [kind]
    texts = []
    for part in parts:
        try:
            texts.append(inspect.getsource(part))
        except (OSError, TypeError):
            texts.append(repr(getattr(part, "__qualname__", kind)))
    return "\n".join(texts)
