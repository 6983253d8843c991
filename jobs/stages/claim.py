"""A place is written by one run at a time: the second is told so, before it touches what the first one writes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hashcore.errors import OutputError
from hashcore.storage import files
from hashcore.storage.file_lock import NoLocksError, locked


@contextmanager
def claimed(place: str, output: str) -> Iterator[None]:
    """Hold a place in a directory while the block runs, by a lock that ends with the process however it ends.

    Nothing is held in an object store, nor on a file system without locks.

    Args:
        place: What is held; the lock's file lies beside it.
        output: What the run makes, for the message.

    Raises:
        OutputError: If another run holds the place.
        OSError: If no file can be made beside it.
    """
    with ExitStack() as held:
        if not files.is_uri(output):
            _hold(held, place, output)
        yield


def _hold(held: ExitStack, place: str, output: str) -> None:
    """Lock a place, unless its file system has no locks."""
    beside = Path(files.beside(place, f".{os.path.basename(place).removeprefix('.')}.lock"))
    try:
        held.enter_context(locked(beside, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        raise OutputError(f"{output} is being written by another run; wait until it ends and run again") from None
    except NoLocksError:
        pass
