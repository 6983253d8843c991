"""Files by path or by URI: of this machine, or of S3.

Endpoint, region and credentials of S3 are the standard AWS settings. A file is written whole or not at all.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hashcore.storage.places import S3, is_object, place
from hashcore.storage.trees import check_tree

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


def is_uri(path: str) -> bool:
    """Return whether a path names objects in a store rather than files of this machine."""
    return is_object(path)


def join(folder: str, *names: str) -> str:
    """Return the path of something in a folder."""
    folder = place(folder)
    return "/".join((folder, *names)) if is_object(folder) else os.path.join(folder, *names)


def beside(path: str, name: str) -> str:
    """Return the path of something in the same folder."""
    path = place(path)
    return f"{path.rpartition('/')[0]}/{name}" if is_object(path) else str(Path(path).with_name(name))


def located(path: str) -> tuple[FileSystem, str]:
    """Return the file system of a path or URI, and the path there."""
    from pyarrow import fs

    path = place(path)
    if is_object(path):
        return _s3(), path.removeprefix(S3)
    return fs.LocalFileSystem(), path


@lru_cache(maxsize=1)
def _s3() -> FileSystem:
    """Return the S3 file system, which asks by the client of the process it is in."""
    from pyarrow.fs import PyFileSystem

    from hashcore.storage.s3_files import S3Files

    return PyFileSystem(S3Files())


def exists(path: str) -> bool:
    """Return whether there is a file or a folder."""
    from pyarrow.fs import FileType

    system, inner = located(path)
    return bool(system.get_file_info(inner).type != FileType.NotFound)


def is_folder(path: str) -> bool:
    """Return whether there is a folder."""
    from pyarrow.fs import FileType

    system, inner = located(path)
    return bool(system.get_file_info(inner).type == FileType.Directory)


def listing(folder: str, *, deep: bool = False) -> list[str]:
    """Return the paths of the files in a folder, sorted; none where there is no folder."""
    from pyarrow.fs import FileSelector

    system, inner = located(folder)
    found = system.get_file_info(FileSelector(inner, allow_not_found=True, recursive=deep))
    names = sorted(str(Path(info.path).relative_to(inner).as_posix()) for info in found if info.is_file)
    return [join(folder, name) for name in names]


def states(folder: str) -> list[tuple[str, int, int | None]]:
    """Return name, size and time (nanoseconds) of a file, or of all files below a folder, sorted.

    Raises:
        InvalidInputError: If the folder is of this machine and holds what readers would pass over.
    """
    from pyarrow.fs import FileSelector

    if not is_object(folder) and os.path.isdir(place(folder)):
        check_tree(place(folder))
    system, inner = located(folder)
    found = system.get_file_info(FileSelector(inner, recursive=True) if is_folder(folder) else [inner])
    return sorted((str(info.path)[len(inner) :], info.size, info.mtime_ns) for info in found if info.is_file)


def size_bytes(path: str) -> int:
    """Return the bytes of a file, or of all files below a folder; 0 where there is nothing. Errors as of `states`."""
    return sum(size for _, size, _ in states(path)) if exists(path) else 0


def read_bytes(path: str) -> bytes | None:
    """Return a file's content, or None where there is none."""
    system, inner = located(path)
    try:
        with system.open_input_file(inner) as file:
            return bytes(file.read())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def write_bytes(path: str, content: bytes) -> None:
    """Write a file, in place of one that is there."""
    if is_uri(path):
        system, inner = located(path)
        with system.open_output_stream(inner) as file:
            file.write(content)
        return
    path = place(path)
    own = f"{path}.{uuid.uuid4().hex}"
    try:
        Path(own).write_bytes(content)
        os.replace(own, path)
    finally:
        Path(own).unlink(missing_ok=True)


def move_in(own: str, path: str) -> None:
    """Move a file or a folder of this machine to its place; what is there already is replaced."""
    if not is_uri(path):
        os.replace(own, place(path))
        return
    from pyarrow import fs

    system, inner = located(path)
    pairs = [(own, inner)]
    if os.path.isdir(own):
        pairs = [(str(file), f"{inner}/{file.relative_to(own)}") for file in Path(own).rglob("*") if file.is_file()]
    for source, target in pairs:
        fs.copy_files(source, target, source_filesystem=fs.LocalFileSystem(), destination_filesystem=system)
    remove(own)


def make_folder(path: str) -> None:
    """Make a folder, where folders are made."""
    if not is_uri(path):
        os.makedirs(place(path), exist_ok=True)


def remove_empty(path: str) -> None:
    """Remove a folder and those below it, as far as they are empty."""
    for folder, _, _ in [] if is_uri(path) else os.walk(place(path), topdown=False):
        with suppress(OSError):
            os.rmdir(folder)


def remove(path: str) -> None:
    """Remove a file or a folder if it is there."""
    if not is_uri(path):
        path = place(path)
        while os.path.isdir(path) and not os.path.islink(path):
            try:
                shutil.rmtree(path)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):  # somebody else removes it, or writes there, too
                    raise
        Path(path).unlink(missing_ok=True)
    elif is_folder(path):
        system, inner = located(path)
        system.delete_dir(inner)
    elif exists(path):
        system, inner = located(path)
        system.delete_file(inner)
