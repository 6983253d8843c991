"""The files of a cache: which ones in a directory are copies, what they take, and when they were used."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PARTIAL = ".partial"
COPY = re.compile(rf"[0-9a-f]{{64}}\.safetensors({re.escape(PARTIAL)})?")


class CachedFile(NamedTuple):
    """A copy, whole or begun; sorted, those used least recently come first."""

    used_s: float
    bytes: int
    name: str


def cached_files(folder: Path) -> list[CachedFile]:
    """Return the copies in a directory, none where it is missing.

    What others put there is left out: another name, a link, a directory; so is what vanishes meanwhile.
    """
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if COPY.fullmatch(entry.name):
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        found.append(CachedFile(status.st_mtime, status.st_size, entry.name))
    return found


def is_used(path: Path) -> bool:
    """Return whether a copy is there, and note that it is used, unless it is another user's or on a disk only read."""
    with suppress(OSError):
        os.utime(path, follow_symlinks=False)
    return os.path.isfile(path)
