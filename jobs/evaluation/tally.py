"""One task of the evaluation: count the items of some shards at each distance of a block of queries.

Counts add up, and the nearest neighbors of parts are merged by (distance, id), so that the sum over any division of
the database into shards and tasks is the same, bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.neighbors import Neighbors
from jobs.engine.tasks import task_threads

if TYPE_CHECKING:
    from indexer import Shard

BLOCK_IDS = 1 << 20


class Queries(NamedTuple):
    """Queries with their ids (q,) int64, codes (q, bytes) uint8, and labels."""

    ids: NDArray[np.int64]
    codes: Codes
    labels: Labels

    def take(self, rows: NDArray[np.int64]) -> Queries:
        """Return some of the queries."""
        return Queries(self.ids[rows], self.codes[rows], self.labels.take(rows))

    def content(self) -> str:
        """Return what identifies them."""
        found = hashlib.sha256()
        for array in (self.ids, self.codes, self.labels.offsets, self.labels.values):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()[:16]


@dataclass(frozen=True)
class Task:
    """Some shards of one generation of an index, and a block of queries.

    Attributes:
        root: Root of the index.
        generation: The generation that all tasks read, whatever is committed meanwhile.
        shards: Numbers of the shards.
        queries: The block.
        k: Neighbors wanted of each query.
        content: What identifies the shards' files, whatever their numbers.
        exclude_self: Whether the item that has a query's id is left out of its ranking.
        comparable: Whether ids of queries and of items are of one type; else no query is an item.
    """

    root: str
    generation: int
    shards: tuple[int, ...]
    queries: Queries
    k: int
    content: str
    exclude_self: bool = False
    comparable: bool = True

    @property
    def inputs(self) -> str:
        """Names of its inputs, for error messages."""
        return f"{self.root} generation {self.generation} shards {list(self.shards)}"


@dataclass(frozen=True)
class Tally:
    """Counts and neighbors of q queries over some part of the database.

    Attributes:
        all_counts: Items at each distance, int64, shape (q, code_length + 1).
        relevant_counts: Those that share a label with the query.
        neighbors: The nearest k items of the part, fewer where it is smaller.
        relevant: For each neighbor whether it shares a label with its query, bool.
        classes: For each neighbor its first label, int32; 0 where it has none.
        one_label_each: Whether every item of the part has exactly one label, its class.
        itself: For each query whether an item of the part has its id, bool, shape (q,).
    """

    all_counts: NDArray[np.int64]
    relevant_counts: NDArray[np.int64]
    neighbors: Neighbors
    relevant: NDArray[np.bool_]
    classes: NDArray[np.int32]
    one_label_each: bool
    itself: NDArray[np.bool_]


def tally(task: Task) -> Tally:
    """Return the tally of a task's shards, holding one of them in memory at a time.

    Raises:
        InvalidInputError: If a shard has no labels.
    """
    import indexer

    index = indexer.open(task.root, task.generation)
    without_own = task.exclude_self and task.comparable
    of_shard = partial(
        tally_shard, queries=task.queries, k=task.k, exclude_self=without_own, comparable=task.comparable
    )
    parts = (of_shard(index.open_shard(number)) for number in task.shards)
    return reduce(lambda one, other: merge([one, other], task.k), parts)


def tally_shard(
    shard: Shard, queries: Queries, k: int, *, exclude_self: bool = False, comparable: bool = True
) -> Tally:
    """Return the tally of one shard, with the k nearest items of each query; perhaps without the item of its own id."""
    contents, item_labels = shard.contents, shard.contents.labels()
    if item_labels is None:
        raise InvalidInputError("the index holds no labels; encode and index a corpus that has a column of labels")
    vocabulary = queries.labels.vocabulary()
    item_masks, query_masks = item_labels.to_masks(vocabulary), queries.labels.to_masks(vocabulary)
    all_counts, relevant_counts = contents.distance_histograms(
        queries.codes, query_masks, item_masks, threads=task_threads()
    )
    neighbors = shard.knn_search(queries.codes, k + exclude_self, threads=task_threads())
    if exclude_self:
        neighbors = without(neighbors, queries.ids, k)
    rows, own = np.split(rows_of(contents.ids, np.concatenate([neighbors.ids, queries.ids])), [len(neighbors.ids)])
    own = own if comparable else np.full_like(own, -1)
    itself = np.flatnonzero(own >= 0)
    if exclude_self and len(itself):
        distances = contents.distances_at(queries.codes[itself], own[itself])
        all_counts[itself, distances] -= 1
        relevant_counts[itself, distances] -= np.any(item_masks[own[itself]] & query_masks[itself], axis=1)
    relevant: NDArray[np.bool_] = np.any(item_masks[rows] & query_masks[neighbors.query_numbers()], axis=1)
    classes = first_labels(item_labels.take(rows))
    one_label_each = bool((item_labels.counts() == 1).all())
    return Tally(all_counts, relevant_counts, neighbors, relevant, classes, one_label_each, own >= 0)


def without(neighbors: Neighbors, ids: NDArray[np.int64], k: int) -> Neighbors:
    """Return the first k neighbors of each query but the one that has the query's own id.

    Args:
        neighbors: Of q queries.
        ids: Of the queries, shape (q,).
        k: How many to keep of each.
    """
    queries = neighbors.query_numbers()
    kept = np.flatnonzero(neighbors.ids != ids[queries])
    starts = np.searchsorted(queries[kept], np.arange(len(neighbors)))
    kept = kept[np.arange(len(kept)) - starts[queries[kept]] < k]
    offsets = np.searchsorted(queries[kept], np.arange(len(neighbors) + 1)).astype(np.int64)
    return Neighbors(offsets, neighbors.ids[kept], neighbors.distances[kept])


def merge(parts: Sequence[Tally], k: int) -> Tally:
    """Return the tally of all parts of the database together, with the k nearest neighbors of each query."""
    query, ids, distances, relevant, classes = (
        np.concatenate([column[number] for column in map(_columns, parts)]) for number in range(5)
    )
    order = np.lexsort((ids, distances, query))
    starts = np.searchsorted(query[order], np.arange(len(parts[0].neighbors)))
    order = order[np.arange(len(order)) - starts[query[order]] < k]
    offsets = np.searchsorted(query[order], np.arange(len(parts[0].neighbors) + 1)).astype(np.int64)
    return Tally(
        np.sum([part.all_counts for part in parts], axis=0),
        np.sum([part.relevant_counts for part in parts], axis=0),
        Neighbors(offsets, ids[order], distances[order]),
        relevant[order],
        classes[order],
        all(part.one_label_each for part in parts),
        np.any([part.itself for part in parts], axis=0),
    )


def rows_of(ids: NDArray[np.int64], wanted: NDArray[np.int64], block_ids: int = BLOCK_IDS) -> NDArray[np.int64]:
    """Return the row of each wanted id, −1 where it is not among `ids`, which may be far more and in any order."""
    names = np.unique(wanted)
    rows = np.full(len(names), -1, np.int64)
    for start in range(0, len(ids) if len(names) else 0, block_ids):
        block = np.asarray(ids[start : start + block_ids])
        place = np.minimum(np.searchsorted(names, block), len(names) - 1)
        found = np.flatnonzero(names[place] == block)
        rows[place[found]] = start + found
    return rows[np.searchsorted(names, wanted)]


def first_labels(labels: Labels) -> NDArray[np.int32]:
    """Return the first label of each row, 0 where it has none."""
    padded = np.concatenate([labels.values, np.zeros(1, np.int32)])
    return np.where(labels.counts() > 0, padded[labels.offsets[:-1]], 0).astype(np.int32)


def _columns(part: Tally) -> tuple[NDArray[np.int64] | NDArray[np.uint16] | NDArray[np.bool_] | NDArray[np.int32], ...]:
    """Return query numbers, ids, distances, relevance and classes of a part's neighbors."""
    neighbors = part.neighbors
    return neighbors.query_numbers(), neighbors.ids, neighbors.distances, part.relevant, part.classes
