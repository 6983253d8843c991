"""Copies of stored shards on this machine's disk: of bounded size, checked once, shared by all processes.

A copy is downloaded under a lock of its own to `<name>.partial`, checked, and moved to its name. A name tells the
content, so copies are never stale, and those of several indexes share one directory. The copies used least recently
make room; one that is removed while it is mapped stays readable to those who mapped it. Files whose names are not
those of copies belong to somebody else: they are neither counted nor removed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hashcore.errors import HashcoreError, InvalidInputError, OutputError
from hashcore.storage.file_lock import UNWRITABLE, NoLocksError, locked
from indexer.storage.cached_files import PARTIAL, CachedFile, cached_files, is_used

DIRECTORY = "HASHCORE_CACHE"
LIMIT = "HASHCORE_CACHE_BYTES"
DEFAULT_LIMIT_BYTES = 64 << 30
TRIES = 20
LOCKS, ALL = "locks", "all"


class ShardCache:
    """A directory of copies.

    Attributes:
        folder: The directory.
        limit_bytes: What all copies together take at most.
    """

    def __init__(self, folder: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._within_limit = False  # not looked at yet

    @staticmethod
    def of_machine() -> ShardCache:
        """Return the cache that the environment names, by default `~/.cache/hashcore` of at most 64 GiB."""
        usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "hashcore")
        limit = os.environ.get(LIMIT, str(DEFAULT_LIMIT_BYTES))
        if not limit.isdigit():
            raise InvalidInputError(f"{LIMIT}={limit!r}: give a whole number of bytes, such as {DEFAULT_LIMIT_BYTES}")
        return ShardCache(Path(os.environ.get(DIRECTORY) or usual), int(limit))

    @contextmanager
    def file(self, name: str, size: Callable[[], int], download: Callable[[Path], None]) -> Iterator[Path]:
        """Give the path of a copy, which is not removed before the block ends.

        A directory that cannot be written serves the copies that it has.

        Args:
            name: Of the copy; tells its content.
            size: Returns the bytes that it will take; asked where there is no copy yet.
            download: Writes it to a path and checks it.

        Raises:
            OutputError: If it does not fit, or cannot be written.
        """
        path = self.folder / name
        self._apply_limit()
        with ExitStack() as kept:
            for _ in range(TRIES):
                if self._keep(path, kept) or self._fetch(path, size, download, kept):
                    yield path
                    return
        raise OutputError(f"{path} is removed as often as it is made; set {DIRECTORY} to another directory")

    def discard(self, name: str) -> None:
        """Remove a copy that turned out to be damaged, once nobody is opening it.

        Raises:
            OutputError: If it cannot be removed.
        """
        path = self.folder / name
        if not os.path.lexists(path):
            return
        try:
            with self._lock(ALL, fcntl.LOCK_EX):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path} is damaged and cannot be removed: {error.strerror or error}; remove it, or set {DIRECTORY} to "
                "another directory"
            ) from None

    def _keep(self, path: Path, kept: ExitStack) -> bool:
        """Take the lock under which nothing is removed, if a copy is there; return whether it is."""
        with ExitStack() as lock:
            lock.enter_context(self._lock(ALL, fcntl.LOCK_SH))
            if is_used(path):
                kept.push(lock.pop_all())
                return True
        return False

    def _fetch(self, path: Path, size: Callable[[], int], download: Callable[[Path], None], kept: ExitStack) -> bool:
        """Make a copy unless it is there, and keep it; return False where somebody removed what was begun."""
        partial = path.with_name(path.name + PARTIAL)
        with self._lock(path.name, fcntl.LOCK_EX):
            if self._keep(path, kept):
                return True
            try:
                self._reserve(partial, size())
                download(partial)
                kept.enter_context(self._lock(ALL, fcntl.LOCK_SH))  # before it has its name, lest it be removed
                os.replace(partial, path)
                return True
            except BaseException as error:
                kept.close()
                with suppress(OSError):
                    partial.unlink()
                if isinstance(error, FileNotFoundError):
                    return False
                if isinstance(error, HashcoreError) or not isinstance(error, OSError):
                    raise
                raise OutputError(
                    f"cannot write {partial}: {error.strerror}; make room, or set {DIRECTORY} to another directory"
                ) from None

    def _reserve(self, partial: Path, size_bytes: int) -> None:
        """Make room for one more copy, and take it."""
        if size_bytes > self.limit_bytes:
            raise OutputError(
                f"{partial.stem} takes {size_bytes} bytes but the cache {self.folder} may hold {self.limit_bytes}; "
                f"set {LIMIT} to {size_bytes} or more"
            )
        with self._lock(ALL, fcntl.LOCK_EX):
            held = cached_files(self.folder)
            self._remove_abandoned(held)
            self._make_room(held, size_bytes)
            partial.unlink(missing_ok=True)
            with partial.open("xb") as file:
                file.truncate(size_bytes)  # others count it as taken from now on

    def _apply_limit(self) -> None:
        """Make copies fit a limit that was lowered, when the cache is used for the first time."""
        if self._within_limit:
            return
        self._within_limit = True
        if sum(file.bytes for file in cached_files(self.folder)) > self.limit_bytes:
            with suppress(OutputError), self._lock(ALL, fcntl.LOCK_EX):  # nothing where it cannot be written
                self._make_room(cached_files(self.folder), 0)

    def _make_room(self, held: list[CachedFile], size_bytes: int) -> None:
        """Remove the copies used least recently until some more bytes fit; another user's may have to stay."""
        excess = size_bytes + sum(file.bytes for file in held) - self.limit_bytes
        for file in sorted(held):
            if excess > 0 and not file.name.endswith(PARTIAL):
                with suppress(OSError):
                    (self.folder / file.name).unlink()
                    excess -= file.bytes

    def _remove_abandoned(self, held: list[CachedFile]) -> None:
        """Remove what processes that were killed left: downloads, and locks that nobody holds."""
        begun = {file.name.removesuffix(PARTIAL) for file in held if file.name.endswith(PARTIAL)}
        for name in begun | {file.name for file in cached_files(self.folder / LOCKS)}:
            with suppress(OSError), self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
                (self.folder / (name + PARTIAL)).unlink(missing_ok=True)

    @contextmanager
    def _lock(self, name: str, kind: int) -> Iterator[None]:
        """Hold a lock of this cache; a shared one is not needed where nothing can be written, nor removed."""
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.folder / LOCKS / name, kind, keep=name == ALL))
            except BlockingIOError:
                raise
            except NoLocksError as error:
                raise OutputError(
                    f"{self.folder}: its file system does not lock files ({error.strerror}), which a cache needs; "
                    f"set {DIRECTORY} to a directory on a disk of this machine"
                ) from None
            except OSError as error:
                if kind != fcntl.LOCK_SH or error.errno not in UNWRITABLE:
                    raise OutputError(
                        f"cannot write {self.folder}: {error.strerror}; "
                        f"set {DIRECTORY} to a directory that you may write to"
                    ) from None
            yield


def cache_folder() -> Path:
    """Return the folder in which this machine keeps copies."""
    return ShardCache.of_machine().folder
