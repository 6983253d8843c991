"""Copies of stored shards on this machine's disk: of bounded size, checked once, shared by all processes.

A copy is downloaded under a lock of its own to `<name>.partial`, checked, and moved to its name. A name tells the
content, so copies are never stale, and those of several indexes share one directory. The copies used least recently
make room; one that is removed while it is mapped stays readable to those who mapped it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hashcore.errors import HashcoreError, InvalidInputError, OutputError

DIRECTORY = "HASHCORE_CACHE"
LIMIT = "HASHCORE_CACHE_BYTES"
DEFAULT_LIMIT_BYTES = 64 << 30
ALL, LOCKS, PARTIAL = "*.safetensors*", "locks", ".partial"


class ShardCache:
    """A directory of copies.

    Attributes:
        folder: The directory.
        limit_bytes: What all copies together take at most.
    """

    def __init__(self, folder: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

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

        Args:
            name: Of the copy; tells its content.
            size: Returns the bytes that it will take; asked where there is no copy yet.
            download: Writes it to a path and checks it.

        Raises:
            OutputError: If it does not fit, or cannot be written.
        """
        path = self.folder / name
        while True:
            self._fetch(path, size, download)
            with self._lock("all", fcntl.LOCK_SH):
                try:
                    os.utime(path)
                except FileNotFoundError:  # removed between the two locks, to make room
                    continue
                yield path
                return

    def _fetch(self, path: Path, size: Callable[[], int], download: Callable[[Path], None]) -> None:
        """Make a copy unless it is there."""
        if path.exists():
            return
        with self._lock(path.name, fcntl.LOCK_EX):
            if path.exists():
                return
            partial = path.with_name(path.name + PARTIAL)
            try:
                self._reserve(partial, size())
                download(partial)
                os.replace(partial, path)
            except OSError as error:
                partial.unlink(missing_ok=True)
                if isinstance(error, HashcoreError):
                    raise
                raise OutputError(
                    f"cannot write {partial}: {error.strerror}; make room, or set {DIRECTORY} to another directory"
                ) from None

    def _reserve(self, partial: Path, size_bytes: int) -> None:
        """Make room for one more copy, the copies used least recently first, and take it."""
        if size_bytes > self.limit_bytes:
            raise OutputError(
                f"{partial.stem} takes {size_bytes} bytes but the cache {self.folder} may hold {self.limit_bytes}; "
                f"set {LIMIT} to {size_bytes} or more"
            )
        with self._lock("all", fcntl.LOCK_EX):
            self._remove_abandoned()
            held = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.glob(ALL))
            excess = size_bytes + sum(taken for _, taken, _ in held) - self.limit_bytes
            for _, taken, path in held:
                if excess > 0 and not path.name.endswith(PARTIAL):
                    path.unlink()
                    excess -= taken
            with partial.open("wb") as file:
                file.truncate(size_bytes)  # others count it as taken from now on

    def _remove_abandoned(self) -> None:
        """Remove what processes that were killed had begun: nobody holds its lock."""
        for path in self.folder.glob(f"*{PARTIAL}"):
            with suppress(BlockingIOError), self._lock(path.name.removesuffix(PARTIAL), fcntl.LOCK_EX | fcntl.LOCK_NB):
                path.unlink(missing_ok=True)

    @contextmanager
    def _lock(self, name: str, kind: int) -> Iterator[None]:
        """Hold a lock of this cache."""
        try:
            (self.folder / LOCKS).mkdir(parents=True, exist_ok=True)
            file = (self.folder / LOCKS / name).open("ab")
        except OSError as error:
            raise OutputError(
                f"cannot write {self.folder}: {error.strerror}; set {DIRECTORY} to a directory that you may write to"
            ) from None
        with file:
            fcntl.flock(file, kind)
            yield
