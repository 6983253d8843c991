"""The source of a network of the user's own, by digest: a hasher's weights mean something under that code alone.

Counted are the module, its packages, and whatever these import from beside them: from the folder that holds the module;
where that is a folder of installed packages, from the module's own package. Nothing is imported to find them.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.networks.spec import NetworkSpec, Own

INSTALLED = ("site-packages", "dist-packages")
OURS = ("hashcore", "indexer", "jobs")
_IMPORTED: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()  # digests of the sources that are running


def sources(module: str) -> dict[str, str]:
    """Return 16 hexadecimal digits of the source of each module that counts, by its name; none where it is not found.

    Args:
        module: Name of the module that makes the network.
    """
    top, found, seen = _find(module.partition(".")[0]), {}, set[str]()
    if top is None:
        return {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] in OURS:
            continue
        seen.add(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
        spec = _find(name)
        content = _source(spec)
        if spec is not None and content is not None and _is_beside(spec, top):
            found[name] = _digest(content)
            waiting += _imports(content, name, is_package=spec.submodule_search_locations is not None)
    return dict(sorted(found.items()))


def sources_of(network: NetworkSpec) -> dict[str, str]:
    """Return the digests of a network's source, none where it is one of this package."""
    return sources(network.module) if isinstance(network, Own) else {}


def check_sources(known: Mapping[str, str], uri: str, modality: str) -> None:
    """Raise InvalidInputError if a module's source has changed since a hasher was trained; none is imported.

    Args:
        known: Digest of each source by the module's name, as the hasher tells them.
        uri: The hasher's directory, for the message.
        modality: The modality that the network reads, for the message.
    """
    for name, expected in known.items():
        spec = _find(name)
        content = _source(spec)
        if content is None or _digest(content) != expected:
            place = spec.origin if spec is not None and spec.origin else f"module {name}"
            got = "is not here" if content is None else f"has changed since (digest {_digest(content)})"
            raise InvalidInputError(
                f"{uri}: the network of modality {modality!r} was trained with another source of module {name} (digest "
                f"{expected}); {place} {got}; bring back the source that it was trained with, "
                "or remove the hasher and train again"
            )


def check_imported(module: str) -> None:
    """Raise ConfigError if a source has changed since this process imported it and first looked at it here."""
    for name, digest in sources(module).items():
        held = sys.modules.get(name)
        if held is not None and _IMPORTED.setdefault(held, digest) != digest:
            raise ConfigError(
                f"network.path={module}: {held.__file__} has changed since this process imported it; start it anew"
            )


def _find(name: str) -> ModuleSpec | None:
    """Return the place of a module, None where it is not found; no package is imported for it."""
    path, spec = None, None
    for end in [place for place, letter in enumerate(name) if letter == "."] + [len(name)]:
        spec = next(filter(None, (finder.find_spec(name[:end], path) for finder in sys.meta_path)), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _source(spec: ModuleSpec | None) -> bytes | None:
    """Return the source of a module, None where it has none."""
    if spec is None or not spec.has_location or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    if os.path.isfile(spec.origin):
        return Path(spec.origin).read_bytes()
    read = getattr(spec.loader, "get_data", None)  # of an archive
    return bytes(read(spec.origin)) if read else None


def _is_beside(spec: ModuleSpec, top: ModuleSpec) -> bool:
    """Return whether a module lies beside a top-level module or package, or within it."""
    if spec.name.partition(".")[0] == top.name:
        return True
    home = _home(top)
    standard = {os.path.realpath(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib")}
    if home is None or set(INSTALLED) & set(Path(home).parts) or os.path.realpath(home) in standard:
        return False
    return bool(spec.origin and spec.origin.startswith(home + os.sep)) and not set(INSTALLED) & set(
        Path(spec.origin or "").parts
    )


def _home(top: ModuleSpec) -> str | None:
    """Return the folder that holds a top-level module or package."""
    if top.submodule_search_locations is not None:
        folders = list(top.submodule_search_locations)
        return os.path.dirname(folders[0].rstrip(os.sep)) if folders else None
    return os.path.dirname(top.origin) if top.origin else None


def _imports(content: bytes, name: str, *, is_package: bool) -> Iterator[str]:
    """Yield the names that a module's source may import as modules."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # said when it is imported
        return
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _digest(content: bytes) -> str:
    """Return 16 hexadecimal digits of a source."""
    return hashlib.sha256(content).hexdigest()[:16]
