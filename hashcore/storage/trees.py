"""Folders of this machine as readers see them: what they would pass over, or read again and again, is said."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from hashcore.errors import InvalidInputError

HIDDEN = ("_", ".")  # names that begin so are passed over, as Arrow and Spark do


def check_tree(folder: str) -> None:
    """Look at all names below a folder of this machine.

    Raises:
        InvalidInputError: If there is a link to nothing or to a folder above it, a name that is no UTF-8, or what is
            neither file nor folder.
    """
    for found, path in _walk(os.fsencode(folder), ()):
        if found:
            name = path.decode(errors="backslashreplace")
            raise InvalidInputError(f"{name} {found}, which is not passed over; mend or remove it")


def _walk(folder: bytes, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, bytes]]:
    """Yield what is wrong with each thing below a folder, "" for nothing, and its path."""
    here = os.stat(folder)
    above = (*above, (here.st_dev, here.st_ino))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if not entry.name.startswith(tuple(map(str.encode, HIDDEN))):
                wrong = _wrong(entry, above)
                yield wrong, entry.path
                if not wrong and entry.is_dir():
                    yield from _walk(entry.path, above)


def _wrong(entry: os.DirEntry[bytes], above: tuple[tuple[int, int], ...]) -> str:
    """Say what is wrong with something in a folder."""
    try:
        entry.name.decode()
    except UnicodeDecodeError:
        return "has a name that is no UTF-8"
    try:
        seen = entry.stat()
    except FileNotFoundError:
        return f"is a link to nothing ({os.fsdecode(os.readlink(entry.path))})" if entry.is_symlink() else ""
    except OSError as error:
        return f"cannot be followed ({error.strerror})"
    if stat.S_ISDIR(seen.st_mode):
        return "is a link to a folder above it" if (seen.st_dev, seen.st_ino) in above else ""
    return "" if stat.S_ISREG(seen.st_mode) else "is neither a file nor a folder"
