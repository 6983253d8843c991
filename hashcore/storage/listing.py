"""Files below a place of this machine or of S3, as readers of corpora see them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from hashcore.storage.files import located
from hashcore.storage.places import is_object, place
from hashcore.storage.trees import HIDDEN, files_below


def below(source: str, hidden: tuple[str, ...] = HIDDEN) -> Iterator[tuple[str, int]]:
    """Yield the path below a folder and the size of each file, ordered by the names of folders and files.

    A source that is a file itself has the path "". Nothing is yielded where there is nothing.

    Args:
        source: The place.
        hidden: How names of files and folders begin that are passed over.

    Raises:
        InvalidInputError: If the folder is of this machine and holds what readers would pass over.
        StorageError: If the storage refuses.
    """
    from pyarrow.fs import FileType

    system, inner = located(source)
    seen = system.get_file_info(inner)
    if seen.type == FileType.File:
        yield "", seen.size
    elif seen.type == FileType.Directory and not is_object(source):
        yield from files_below(os.path.normpath(place(source)), hidden)
    elif seen.type == FileType.Directory:
        yield from _objects(source, hidden)


def _objects(source: str, hidden: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Yield the objects below a prefix."""
    from pyarrow.fs import FileSelector

    system, inner = located(source)
    held = system.get_file_info(FileSelector(inner, recursive=True))
    named = ((str(info.path)[len(inner) :].strip("/").split("/"), info.size) for info in held if info.is_file)
    shown = ((names, size) for names, size in named if not any(name.startswith(hidden) for name in names))
    for names, size in sorted(shown, key=lambda each: [name.encode() for name in each[0]]):
        yield "/".join(names), size
