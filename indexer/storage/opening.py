"""The store at a root, by the form of the root."""

from __future__ import annotations

import os
from pathlib import Path

from hashcore.storage.places import is_object, place
from indexer.storage.directory import DirectoryStore
from indexer.storage.s3 import S3Store
from indexer.storage.store import Store


def open_store(root: str | os.PathLike[str]) -> Store:
    """Return the store at `root`: a directory, or a URI `s3://bucket/prefix`.

    Endpoint, region and credentials of S3 are the standard AWS settings: environment, profile, or role.

    Raises:
        InvalidInputError: If `root` is no place that is read here.
    """
    text = place(root)
    return S3Store(text) if is_object(text) else DirectoryStore(Path(text))
