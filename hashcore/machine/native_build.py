"""A check that a native module is built from the sources beside it: an older one would answer wrongly, or crash."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

from hashcore.errors import StaleBuildError

ROOT = Path(__file__).parents[2]
FOLDERS = ("hashcore/native", "indexer/native")


def check_built(module: ModuleType) -> None:
    """Raise StaleBuildError if a module is older than its sources; a wheel has none, and its module is its own."""
    expected = sources_digest()
    if expected is not None and getattr(module, "sources", None) != expected:
        raise StaleBuildError(f"{module.__file__} was built from other sources than are in {ROOT}; type make setup")


def sources_digest() -> str | None:
    """Return the SHA-256 of the SHA-256 of each native source, as CMakeLists.txt does; None where there are none."""
    sources = sorted((path for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]pp")), key=str)
    digests = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in sources)
    return hashlib.sha256(digests.encode()).hexdigest() if sources else None
