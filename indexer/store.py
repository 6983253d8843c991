"""Where an index lives: named, immutable objects, and one name whose content is exchanged by compare-and-swap."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from hashcore.errors import InvalidInputError, OutputError


class Store(Protocol):
    """What an index asks of storage."""

    def get(self, key: str) -> bytes | None:
        """Return the object's bytes, or None where there is none."""

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one of that name; return whether it was written."""

    def swap(self, key: str, expected: bytes | None, content: bytes) -> bool:
        """Replace an object if its bytes are `expected` (None: if there is none); return whether it was replaced."""

    def new_file(self) -> Path:
        """Return the path of a file to be written here and then added."""

    def add_file(self, path: Path, key: str) -> None:
        """Move a file made at new_file() to its name; a file of that name has the same content."""

    def local_path(self, key: str) -> Path:
        """Return a path at which the object can be mapped into memory."""

    def names(self, prefix: str) -> list[str]:
        """Return the names of the objects below a prefix, sorted."""


def open_store(root: str | Path) -> Store:
    """Return the store at `root`, a directory.

    Raises:
        InvalidInputError: If `root` is a URI of a scheme that is not known.
    """
    text = os.fspath(root)
    if "://" in text and not text.startswith("file://"):
        raise InvalidInputError(f"root={text!r}: only directories can hold an index in this version; use a path")
    return DirectoryStore(Path(text.removeprefix("file://")))


class DirectoryStore:
    """A store in a directory: objects are files, written beside their place and moved there whole."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def get(self, key: str) -> bytes | None:
        """Return the object's bytes, or None where there is none."""
        try:
            return (self.root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one of that name; return whether it was written."""
        temporary = self._write(content)
        try:
            self._place(key).hardlink_to(temporary)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True

    def swap(self, key: str, expected: bytes | None, content: bytes) -> bool:
        """Replace an object if its bytes are `expected` (None: if there is none); return whether it was replaced."""
        with self._lock():
            if self.get(key) != expected:
                return False
            os.replace(self._write(content), self._place(key))
            return True

    def new_file(self) -> Path:
        """Return the path of a file to be written here and then added."""
        return self._place(f"tmp/{uuid.uuid4().hex}")

    def add_file(self, path: Path, key: str) -> None:
        """Move a file made at new_file() to its name."""
        os.replace(path, self._place(key))

    def local_path(self, key: str) -> Path:
        """Return the path of the object's file."""
        return self.root / key

    def names(self, prefix: str) -> list[str]:
        """Return the names of the objects below a prefix, sorted."""
        folder = self.root / prefix
        return sorted(f"{prefix}/{path.name}" for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []

    def _place(self, key: str) -> Path:
        """Return the path of a name, its folder made."""
        path = self.root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}; choose a directory that you may write to"
            ) from None
        return path

    def _write(self, content: bytes) -> Path:
        """Write bytes to a new temporary file, and to the disk."""
        path = self.new_file()
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return path

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock of the processes that exchange content here."""
        with self._place("tmp/lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
