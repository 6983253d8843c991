"""A store in a directory: objects are files, written beside their place and moved there whole."""

from __future__ import annotations

import fcntl
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hashcore.errors import OutputError
from indexer.store import UNFINISHED, StoredObject

LOCK = f"{UNFINISHED}/lock"


class DirectoryStore:
    """A store in a directory; safe for the processes of one machine, and on shared disks that lock and link files."""

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

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return bytes start:stop of an object that exists; fewer where it ends before."""
        with (self.root / key).open("rb") as file:
            file.seek(start)
            return file.read(max(stop - start, 0))

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless another one has its name; return whether it holds `content` now."""
        temporary = self._write(content)
        try:
            self._place(key).hardlink_to(temporary)
            _sync(self._place(key).parent)
        except FileExistsError:
            return self.get(key) == content
        finally:
            temporary.unlink()
        return True

    def swap(self, key: str, expected: bytes | None, content: bytes) -> bool:
        """Replace an object if its bytes are `expected` (None: there is none); return whether it is `content` now."""
        with self._lock():
            held = self.get(key)
            if held == expected:
                os.replace(self._write(content), self._place(key))
                _sync(self._place(key).parent)
            return held in (expected, content)

    def check_swaps(self) -> None:
        """Do nothing: files are linked, and exchanged under a lock."""

    def new_file(self) -> Path:
        """Return the path of a file to be written and then added."""
        return self._place(f"{UNFINISHED}/{uuid.uuid4().hex}")

    def add_file(self, path: Path, key: str) -> None:
        """Move a file made at new_file() to its name."""
        os.replace(path, self._place(key))
        _sync(self._place(key).parent)

    @contextmanager
    def local_file(self, key: str, check: Callable[[Path], object]) -> Iterator[Path]:  # noqa: ARG002
        """Give the path of the object's own file; there is no copy to check."""
        yield self.root / key

    def discard(self, key: str) -> bool:  # noqa: ARG002
        """Return False: what is damaged is the object itself."""
        return False

    def entries(self, folder: str) -> list[StoredObject]:
        """Return the objects in a folder (empty: those in none), sorted by name."""
        place = self.root / folder
        found = (self._entry(path) for path in (place.iterdir() if place.is_dir() else ()))
        return sorted(entry for entry in found if entry is not None)

    def remove(self, key: str) -> None:
        """Remove an object if it is there."""
        (self.root / key).unlink(missing_ok=True)

    def remove_unfinished(self, before_s: float) -> int:
        """Remove temporary files begun before a time; return how many."""
        left = [entry for entry in self.entries(UNFINISHED) if entry.modified_s <= before_s and entry.name != LOCK]
        for entry in left:
            self.remove(entry.name)
        return len(left)

    def now_s(self) -> float:
        """Return the time of a file written now: a shared disk has a clock of its own."""
        path = self._write(b"")
        try:
            return path.stat().st_mtime
        finally:
            path.unlink()

    def _entry(self, path: Path) -> StoredObject | None:
        """Return a file as a listing shows it; None for a folder, or what is gone meanwhile."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return StoredObject(path.relative_to(self.root).as_posix(), status.st_size, status.st_mtime)

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
        try:
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise OutputError(f"cannot write {path}: {error.strerror}; make room, or choose another place") from None
        return path

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock of the processes that exchange content here."""
        with self._place(LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _sync(folder: Path) -> None:
    """Write a folder's list of files to the disk, so that a file that was moved there outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
