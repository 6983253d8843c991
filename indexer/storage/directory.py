"""A store in a directory: objects are files, written beside their place and moved there whole."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hashcore.errors import OutputError, StorageError
from indexer.storage.durable import sync_file, sync_folder
from indexer.storage.store import LOCK, UNFINISHED, UNFINISHED_NAME, StoredObject, unfinished_name

NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


class DirectoryStore:
    """A store in a directory; safe for the processes of one machine, and on shared disks that lock files."""

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

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes, or None where there is none."""
        try:
            return (self.root / key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless another one has its name; return whether it holds `content` now."""
        temporary, place = self._write(content), self._place(key)
        try:
            self._add_new(temporary, place)
            sync_folder(place.parent)
        except FileExistsError:
            return self.get(key) == content
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def swap(self, key: str, expected: bytes | None, content: bytes) -> bool:
        """Replace an object if its bytes are `expected` (None: there is none); return whether it is `content` now."""
        with self._lock():
            held = self.get(key)
            if held == expected:
                self._move(self._write(content), self._place(key))
            return held in (expected, content)

    def check_swaps(self) -> None:
        """Raise StorageError where the file system does not lock files: content is exchanged under a lock."""
        with self._lock():
            pass

    def new_file(self) -> Path:
        """Return the path of a file to be written and then added."""
        return self._place(unfinished_name())

    def add_file(self, path: Path, key: str) -> None:
        """Move a file made at new_file() to its name."""
        self._move(path, self._place(key))

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
        """Remove temporary files of this project begun before a time; return how many."""
        begun = (entry for entry in self.entries(UNFINISHED) if UNFINISHED_NAME.fullmatch(entry.name))
        left = [entry for entry in begun if entry.modified_s <= before_s and not entry.is_link]
        for entry in left:
            self.remove(entry.name)
        return len(left)

    def now_s(self) -> float:
        """Return the time of a file touched now: a shared disk has a clock of its own.

        On a disk that is too full to make a file, the time of the newest folder, which is earlier.
        """
        try:
            path = self._place(LOCK)
            path.touch()
            return path.stat().st_mtime
        except OSError:
            return max(path.stat().st_mtime for path in (self.root, *self.root.iterdir()))

    def _entry(self, path: Path) -> StoredObject | None:
        """Return a file as a listing shows it; None for a folder, or what is gone meanwhile.

        A file that was copied here keeps its time, so the time of its last change of place counts as well.
        """
        try:
            status = path.stat()
        except OSError:  # gone, or a link that leads nowhere
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        is_link = path.is_symlink() or path.parent.is_symlink()
        brought_s = max(status.st_mtime, status.st_ctime)
        return StoredObject(path.relative_to(self.root).as_posix(), status.st_size, brought_s, is_link)

    def _place(self, key: str) -> Path:
        """Return the path of a name, its folder made."""
        path = self.root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error, "choose a directory that you may write to") from None
        return path

    def _write(self, content: bytes) -> Path:
        """Write bytes to a new temporary file, and to the disk."""
        path = self.new_file()
        try:
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                sync_file(file.fileno())
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise _unwritable(path, error, "make room, or choose another place") from None
        return path

    def _move(self, path: Path, place: Path) -> None:
        """Move a file to its name, in place of one that has it."""
        try:
            os.replace(path, place)
            sync_folder(place.parent)
        except OSError as error:
            raise _unwritable(place, error, "make room, or choose another place") from None

    def _add_new(self, path: Path, place: Path) -> None:
        """Give a file a name that no other one has; where files cannot have two names, under the lock of writers.

        Raises:
            FileExistsError: If another one has it.
        """
        try:
            place.hardlink_to(path)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise _unwritable(place, error, "make room, or choose another place") from None
            with self._lock():
                if place.exists():
                    raise FileExistsError from None
                self._move(path, place)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock of the processes that exchange content here."""
        place = self._place(LOCK)
        try:
            file = place.open("ab")
        except OSError as error:
            raise _unwritable(place, error, "choose a directory that you may write to") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                raise StorageError(
                    f"{self.root}: this file system does not lock files (flock: {error.strerror}), so of two writers "
                    "at once one could undo the other unseen; keep the index on another disk, or at s3://bucket/prefix"
                ) from None
            yield


def _unwritable(path: Path, error: OSError, remedy: str) -> OutputError:
    """Return the error of a path that cannot be written."""
    return OutputError(f"cannot write {path}: {error.strerror}; {remedy}")
