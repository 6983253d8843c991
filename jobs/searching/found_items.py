"""Items that a shard has found, each once: what travels with its answer to where answers are merged and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors

if TYPE_CHECKING:
    import pyarrow as pa

    from indexer import Shard


@dataclass(frozen=True)
class Answer:
    """Answer of a shard to some queries.

    Attributes:
        neighbors: Of each query.
        items: uint8, a table of the items among them in Arrow's stream format: id (int64, ascending, each once), and
            key and labels as far as they are asked for; empty where nothing is.
    """

    neighbors: Neighbors
    items: NDArray[np.uint8]


def answered(shard: Shard, neighbors: Neighbors, *, keys: bool, labels: bool) -> Answer:
    """Return an answer with the keys, and the labels, of the items that it names."""
    import pyarrow as pa

    if not keys and not labels:
        return Answer(neighbors, np.empty(0, np.uint8))
    ids = np.unique(neighbors.ids)
    columns: dict[str, pa.Array] = {"id": pa.array(ids)}
    if keys:
        columns["key"] = shard.contents.keys_of(ids)
    if labels:
        held = shard.contents.labels_of(ids)
        if held is None:
            raise InvalidInputError("search.labels=true but the index has no labels; leave it out, or index some")
        columns["labels"] = held.to_arrow()
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Answer(neighbors, np.frombuffer(sink.getvalue(), np.uint8))


class Items:
    """Items of the answers of all shards to the same queries."""

    def __init__(self, parts: Sequence[Answer]) -> None:
        """Take the answers, no two of which name the same item."""
        import pyarrow as pa

        tables = [pa.ipc.open_stream(pa.py_buffer(part.items)).read_all() for part in parts if len(part.items)]
        table = pa.concat_tables(tables) if tables else pa.table({"id": pa.array([], pa.int64())})
        self._table = table.sort_by("id") if len(tables) > 1 else table
        self._ids = self._table.column("id").to_numpy()
        self.have_labels = "labels" in self._table.column_names

    def ids_of(self, ids: NDArray[np.int64]) -> pa.Array:
        """Return ids, int64 of shape (n,), all of which are there, as the keys that items have; numbers as they are."""
        import pyarrow as pa

        return self.column("key", ids) if "key" in self._table.column_names else pa.array(ids)

    def column(self, name: str, ids: NDArray[np.int64]) -> pa.Array:
        """Return a column of the items of some ids, int64 of shape (n,), all of which are there."""
        return self._table.column(name).take(np.searchsorted(self._ids, ids)).combine_chunks()
