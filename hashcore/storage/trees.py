"""Folders of this machine as readers see them: what they would pass over, or read again and again, is said."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator

from hashcore.errors import InvalidInputError

HIDDEN = ("_", ".")  # names that begin so are passed over, as Arrow and Spark do


def check_tree(folder: str) -> None:
    """Look at all names below a folder of this machine.

    Raises:
        InvalidInputError: If there is a link to nothing or to a folder above it, a name that is no UTF-8, or what is
            neither file nor folder.
    """
    deque(files_below(folder), maxlen=0)


def files_below(folder: str, hidden: tuple[str, ...] = HIDDEN) -> Iterator[tuple[str, int]]:
    """Yield the path below a folder of this machine, and the size, of each file, in the order of their names.

    Names are in order within each folder; hidden ones, which begin so, are passed over. Errors as of `check_tree`.
    """
    root = os.fsencode(folder)
    for path, size in _walk(root, tuple(map(str.encode, hidden)), ()):
        yield path[len(root) :].lstrip(b"/").decode(), size


def _walk(folder: bytes, hidden: tuple[bytes, ...], above: tuple[tuple[int, int], ...]) -> Iterator[tuple[bytes, int]]:
    """Yield the path and the size of each file below a folder."""
    here = os.stat(folder)
    above = (*above, (here.st_dev, here.st_ino))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if not entry.name.startswith(hidden):
                seen, wrong = _look(entry, above)
                if wrong:
                    name = entry.path.decode(errors="backslashreplace")
                    raise InvalidInputError(f"{name} {wrong}, which is not passed over; mend or remove it")
                if seen is not None and stat.S_ISDIR(seen.st_mode):
                    yield from _walk(entry.path, hidden, above)
                elif seen is not None:
                    yield entry.path, seen.st_size


def _look(entry: os.DirEntry[bytes], above: tuple[tuple[int, int], ...]) -> tuple[os.stat_result | None, str]:
    """Return what something in a folder is, None if it has just gone, and what is wrong with it, "" for nothing."""
    try:
        entry.name.decode()
    except UnicodeDecodeError:
        return None, "has a name that is no UTF-8"
    try:
        seen = entry.stat()
    except FileNotFoundError:
        dangles = entry.is_symlink()
        return None, f"is a link to nothing ({os.fsdecode(os.readlink(entry.path))})" if dangles else ""
    except OSError as error:
        return None, f"cannot be followed ({error.strerror})"
    if stat.S_ISDIR(seen.st_mode):
        return seen, "is a link to a folder above it" if (seen.st_dev, seen.st_ino) in above else ""
    return seen, "" if stat.S_ISREG(seen.st_mode) else "is neither a file nor a folder"
