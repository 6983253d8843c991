"""Storage of an index: named, immutable objects, and one name whose content is exchanged by compare-and-swap."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

UNFINISHED = "tmp"  # folder of files that are being written
LOCK = f"{UNFINISHED}/lock"  # of the writers of a directory
SHARDS, TOMBSTONES = "shards", "tombstones"
FILE_NAME = re.compile(rf"({SHARDS}|{TOMBSTONES})/[0-9a-f]{{64}}\.safetensors")
UNFINISHED_NAME = re.compile(rf"{UNFINISHED}/hashcore-[0-9a-f]{{32}}")


def unfinished_name() -> str:
    """Return a new name for an object that is being written; nobody else has it."""
    return f"{UNFINISHED}/hashcore-{uuid.uuid4().hex}"


class StoredObject(NamedTuple):
    """An object as a listing shows it.

    Attributes:
        name: Its whole name in the store.
        bytes: Its size.
        modified_s: When it was last written or brought here, by the storage's clock.
        is_link: Whether it is reached through a link, so that it may belong to somebody else.
    """

    name: str
    bytes: int
    modified_s: float
    is_link: bool = False


class Store(Protocol):
    """The storage of an index; a backend is a class with these methods, and a line in `indexer.storage.opening`."""

    def get(self, key: str) -> bytes | None:
        """Return the object's bytes, or None where there is none."""

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return bytes start:stop of an object that exists; fewer where it ends before."""

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes, or None where there is none."""

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless another one has its name; return whether it holds `content` now."""

    def swap(self, key: str, expected: bytes | None, content: bytes) -> bool:
        """Replace an object if its bytes are `expected` (None: there is none); return whether it is `content` now."""

    def check_swaps(self) -> None:
        """Raise StorageError, with the reason, where two writers at once could not be told apart."""

    def new_file(self) -> Path:
        """Return the path of a local file to be written and then added."""

    def add_file(self, path: Path, key: str) -> None:
        """Move a file made at new_file() to its name; a file of that name has the same content."""

    def local_file(self, key: str, check: Callable[[Path], object]) -> AbstractContextManager[Path]:
        """Give a path at which the object can be mapped into memory; once mapped, it outlives the block.

        A copy that is made for this is given to `check` before it is used for the first time.
        """

    def discard(self, key: str) -> bool:
        """Remove a copy that local_file() gave and that is damaged; return whether the next one is made anew."""

    def entries(self, folder: str) -> list[StoredObject]:
        """Return the objects in a folder (empty: those in none), sorted by name."""

    def remove(self, key: str) -> None:
        """Remove an object if it is there."""

    def remove_unfinished(self, before_s: float) -> int:
        """Remove what writers began before a time of the storage's clock and did not finish; return how many.

        What has a name that this project does not give is somebody else's.
        """

    def now_s(self) -> float:
        """Return the time by the storage's clock, whatever this machine's says."""
