"""Writing to disk so that it outlives a power cut, on file systems that can."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# SMB, FUSE and mounted buckets do not know fsync of a folder, or of anything; a full or failing disk says otherwise.
UNKNOWN = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM)


def sync_file(descriptor: int) -> None:
    """Write an open file to the disk, where its file system knows how.

    Raises:
        OSError: If the disk is full or fails.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNKNOWN:
            raise


def sync_folder(folder: Path) -> None:
    """Write a folder's list of files to the disk, so that a file that was moved there outlives a power cut.

    Raises:
        OSError: If the disk is full or fails.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in UNKNOWN:
            return
        raise
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
