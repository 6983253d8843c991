"""Corpora that are sets of tags: MIRFlickr's 1,386 tags with 24 labels, and NUS-WIDE's 81 concepts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import ConfigError, InvalidInputError, one_line
from hashcore.labels import Labels
from jobs.config.sections.corpus import TagSource

if TYPE_CHECKING:
    import pyarrow as pa

FILES: dict[TagSource, str] = {
    "mirflickr-tags": "mirflickr/mirflickr25k_tags_labels.npz",
    "nuswide-concepts": "nuswide/nuswide_labels81.npz",
}


@dataclass(frozen=True)
class TagSets:
    """Items with tags and labels.

    Attributes:
        ids: int64, shape (n,).
        tags: Numbers of each item's tags.
        labels: By which items are judged.
    """

    ids: NDArray[np.int64]
    tags: Labels
    labels: Labels

    def take(self, rows: NDArray[np.int64]) -> TagSets:
        """Return some of the items."""
        return TagSets(self.ids[rows], self.tags.take(rows), self.labels.take(rows))

    def to_arrow(self) -> pa.Table:
        """Return a table of columns id, tags and labels."""
        import pyarrow as pa

        return pa.table({"id": self.ids, "tags": self.tags.to_arrow(), "labels": self.labels.to_arrow()})


def read_tag_sets(source: TagSource) -> TagSets:
    """Return all items of a set in $HASHCORE_DATA by their row numbers.

    NUS-WIDE's concepts serve as labels too: what shares one is relevant.

    Raises:
        ConfigError: If HASHCORE_DATA is not set.
        InvalidInputError: If the file is missing or damaged.
    """
    folder = os.environ.get("HASHCORE_DATA")
    if not folder:
        raise ConfigError(f"{source} is read from $HASHCORE_DATA/{FILES[source]}; set HASHCORE_DATA")
    path = Path(folder) / FILES[source]
    try:
        with np.load(path) as held:
            labels = _of_bits(held["labels"], int(held["n_labels"]))
            tags = _of_rows(held) if source == "mirflickr-tags" else labels
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInputError(f"{path} cannot be read ({one_line(error, None)}); put the set's file there") from None
    return TagSets(np.arange(len(labels), dtype=np.int64), tags, labels)


def _of_rows(held: Mapping[str, NDArray[Any]]) -> Labels:
    """Return tags that are stored as a sparse matrix."""
    return Labels(held["tag_indptr"].astype(np.int64), held["tag_indices"].astype(np.int32))


def _of_bits(packed: NDArray[np.uint8], count: int) -> Labels:
    """Return labels that are stored as packed bits, the most significant first."""
    rows, labels = np.nonzero(np.unpackbits(packed, axis=1, count=count))
    offsets = np.searchsorted(rows, np.arange(len(packed) + 1)).astype(np.int64)
    return Labels(offsets, labels.astype(np.int32))
