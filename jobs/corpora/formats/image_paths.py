"""Images given by their paths: a column of texts is read as files, in order and several at once, in the task.

A relative path begins where the file that holds it lies. What cannot be read is a row to be rejected, with its reason.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from hashcore.columns.plain import plain
from hashcore.errors import HashcoreError, InvalidInputError
from hashcore.storage import files
from hashcore.storage.places import SCHEME, is_object, place
from jobs.corpora.reader import Columns

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 16
BATCH_BYTES = 64 << 20  # of files, after which a batch ends
MOST_BYTES = 256 << 20  # of one file
NOT_FETCHED = ("http", "https")


class File(NamedTuple):
    """A file that was read, or the reason why not."""

    content: bytes | None
    reason: str | None


def followed(batch: pa.RecordBatch, columns: Columns, folder: str) -> Iterator[pa.RecordBatch]:
    """Yield a batch with each column of items that holds paths read, as structs of bytes, path and reason.

    Args:
        batch: Rows as they are in a corpus.
        columns: What is read of it.
        folder: Where relative paths begin.

    Yields:
        The rows in order, in batches that end after so many bytes of files; the batch itself where no item is a path.

    Raises:
        InvalidInputError: If a path is one of the web.
    """
    import pyarrow as pa

    paths = [name for name in dict.fromkeys(columns.items.values()) if are_paths(batch.column(name))]
    if not paths:
        yield batch
        return
    waiting, held = list[pa.RecordBatch](), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(batch), AT_ONCE):
            part = batch.slice(start, AT_ONCE)
            for name in paths:
                texts = plain(part.column(name)).to_pylist()
                read = pool.map(lambda text: _read(text, folder, columns.source), texts)
                part = part.set_column(part.schema.get_field_index(name), name, _structs(texts, list(read)))
            waiting.append(part)
            held += part.nbytes
            if held >= BATCH_BYTES:
                yield pa.concat_batches(waiting)
                waiting, held = [], 0
    if waiting:
        yield pa.concat_batches(waiting)


def are_paths(column: pa.Array) -> bool:
    """Return whether a column of items holds paths: texts, one a row."""
    return str(plain(column[:0]).type) in ("string", "large_string")


def _structs(texts: list[str | None], read: list[File]) -> pa.StructArray:
    """Return files as a column of structs."""
    import pyarrow as pa

    parts = {
        "bytes": pa.array([file.content for file in read], pa.large_binary()),
        "path": pa.array([text and posixpath.normpath(text) for text in texts], pa.string()),
        "reason": pa.array([file.reason for file in read], pa.string()),
    }
    return pa.StructArray.from_arrays(list(parts.values()), list(parts))


def _read(text: str | None, folder: str, source: str) -> File:
    """Return the file that a path names."""
    if text is None:
        return File(None, None)
    try:
        found = resolved(text, folder, source)
        return _object(found) if is_object(found) else _local(found)
    except (OSError, ValueError) as error:
        if isinstance(error, HashcoreError):
            raise
        said = getattr(error, "strerror", None) or str(error)
        return File(None, f"the file cannot be read ({said})")


def resolved(text: str, folder: str, source: str) -> str:
    """Return the place that a path names.

    Args:
        text: A relative path, an absolute one, or a URI.
        folder: Where relative paths begin.
        source: The corpus, which decides whether paths of this machine may be followed.

    Raises:
        InvalidInputError: If it is one of the web.
        ValueError: If it must not be followed.

    >>> resolved("a/b.jpg", "/photos", "/photos"), resolved("s3://bucket/b.jpg", "/photos", "/photos")
    ('/photos/a/b.jpg', 's3://bucket/b.jpg')
    """
    scheme = SCHEME.match(text)
    name = scheme.group(1).lower() if scheme else ""
    if name in NOT_FETCHED:
        raise InvalidInputError(
            f"{source}: {text} is of the web, from which nothing is fetched here; download the files first, as "
            "img2dataset does, and give their paths"
        )
    is_here = name == "file" or (not scheme and text.startswith("/"))
    if is_here and is_object(source):
        raise ValueError("a path of this machine, in a corpus that is none of it")
    inner = posixpath.normpath(text)
    if not text or (not (scheme or is_here) and inner.split("/")[0] == ".."):
        raise ValueError("the path leads out of its folder" if text else "the path is empty")
    try:
        return place(text if scheme or is_here else files.join(folder, inner))
    except InvalidInputError as error:
        raise ValueError(str(error)) from None


def _local(path: str) -> File:
    """Return a file of this machine."""
    try:
        seen = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return File(None, "the file does not exist")
    if not stat.S_ISREG(seen.st_mode):
        return File(None, "the path is none of a file")
    if seen.st_size > MOST_BYTES:
        return _too_large(seen.st_size)
    with open(path, "rb") as file:
        return File(file.read(), None)


def _object(uri: str) -> File:
    """Return an object of S3."""
    system, inner = files.located(uri)
    try:
        with system.open_input_file(inner) as file:
            size = file.size()
            return _too_large(size) if size > MOST_BYTES else File(bytes(file.read()), None)
    except FileNotFoundError:
        return File(None, "the file does not exist")


def _too_large(size: int) -> File:
    """Return the reason against a file of so many bytes."""
    return File(None, f"the file has {size:,} bytes, more than {MOST_BYTES:,}")
