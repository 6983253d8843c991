"""Locks that the processes of one machine share, each an open file, removed again where nobody needs it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


class NoLocksError(OSError):
    """The file system does not lock files."""


@contextmanager
def locked(path: Path, kind: int, *, keep: bool = False) -> Iterator[None]:
    """Hold the lock that a file stands for; the file and its folder are made where they are missing.

    Args:
        path: The file.
        kind: `fcntl.LOCK_EX` or `LOCK_SH`; with `LOCK_NB`, nobody is waited for.
        keep: Whether the file stays. Where locks of it are shared it must: only an exclusive one may be removed.

    Raises:
        BlockingIOError: If somebody else holds it, and nobody is waited for.
        NoLocksError: If the file system does not lock.
        OSError: If the file can be neither made nor opened.
    """
    handle = _acquired(path, kind)
    try:
        yield
    finally:
        if not keep:
            with suppress(OSError):
                path.unlink()
        fcntl.flock(handle, fcntl.LOCK_UN)  # closing is not enough: a forked child has the file open, too
        os.close(handle)


def _acquired(path: Path, kind: int) -> int:
    """Return an open and locked file that still has its name: whoever held the lock before may have removed it."""
    while True:
        handle = _opened(path)
        try:
            _lock(handle, kind)
            if _is_at(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _opened(path: Path) -> int:
    """Open a file, made where it is missing; never through a link."""
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # its folder is missing, as at first, or when somebody removed it
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in UNWRITABLE or not path.exists():
                raise
            return os.open(path, flags | os.O_RDONLY)  # another user's can be locked without being written


def _lock(handle: int, kind: int) -> None:
    """Lock an open file."""
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        raise
    except OSError as error:
        raise NoLocksError(error.errno, error.strerror) from None


def _is_at(path: Path, handle: int) -> bool:
    """Return whether an open file is the one that a path names."""
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(handle))
    except FileNotFoundError:
        return False
