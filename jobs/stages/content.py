"""Identity of files that this project did not write: names, sizes and content, whatever their times.

Content is read once: its digest is kept beside this machine's copies of shards, and read again only where a size or a
time has changed. Of objects in a store, and of more than 16 GiB, the times stand for the content.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from hashcore.errors import InvalidInputError
from hashcore.machine import limits
from hashcore.storage import files
from jobs.config.fingerprint import digest

READ_BYTES = 16 << 30
FOLDER = "digests"

State = tuple[str, int, int | None]


def content_of(path: str, *, most_bytes: int = READ_BYTES) -> str | None:
    """Return 16 hexadecimal digits of the content of a file or a folder, None where there is none.

    Raises:
        InvalidInputError: If a file cannot be read.
    """
    states = files.states(path) if files.exists(path) else []
    if not states:
        return None
    if files.is_uri(path) or sum(size for _, size, _ in states) > most_bytes:
        return digest(states)
    seen, kept = digest(states), _kept(path)
    with suppress(OSError, ValueError):
        found = json.loads(kept.read_text())
        if found["seen"] == seen:
            return str(found["content"])
    content = _read(path, states)
    with suppress(OSError):  # it is read again
        kept.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(str(kept), json.dumps({"path": path, "seen": seen, "content": content}).encode())
    return content


def _kept(path: str) -> Path:
    """Return where the digest of a path's content is kept."""
    from indexer import cache_folder

    return cache_folder() / FOLDER / f"{digest(os.path.abspath(path))}.json"


def _read(path: str, states: Sequence[State]) -> str:
    """Return the digest of all files."""
    try:
        with ThreadPoolExecutor(limits.cores()) as readers:
            digests = list(readers.map(_digest, (f"{files.located(path)[1]}{name}" for name, _, _ in states)))
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be read ({error.strerror or error}); give a corpus you may read"
        ) from None
    return digest([(name, size, content) for (name, size, _), content in zip(states, digests, strict=True)])


def _digest(file: str) -> str:
    """Return the digest of a file."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
