"""A small index with a history, the changes that faults interrupt, and what must hold after each."""

from __future__ import annotations

import numpy as np
from oracle import as_integers, clustered_bits, pairs, ranking

import indexer
from hashcore import codes
from hashcore.errors import OutputError
from hashcore.labels import Labels

LENGTH = 32
QUERIES = codes.pack(np.random.default_rng(9).integers(0, 2, (3, LENGTH)))


def items_of(count, seed, first_id):
    packed = codes.pack(clustered_bits(np.random.default_rng(seed), count, LENGTH))
    return np.arange(first_id, first_id + count), packed, Labels.from_lists([[i % 3] for i in range(count)])


def start(root):
    """Build the index that every change starts from: two shards, some rows deleted; and return it."""
    ids, packed, labels = items_of(60, 0, 0)
    layout = indexer.plan_layout(packed, code_length=LENGTH, rows_per_shard=30, scan_below=0)
    index = indexer.build(root, ids, packed, code_length=LENGTH, labels=labels, rows_per_shard=30, layout=layout)
    return index.delete(np.array([1, 5, 40]))


def append(root):
    ids, packed, labels = items_of(20, 1, 1_000)
    index = indexer.open(root)
    if 1_000 not in ids_of(index):  # a rerun of what had succeeded is none
        index.append(ids, packed, labels)


def delete(root):
    indexer.open(root).delete(np.array([2, 3, 45]))


def compact(root):
    indexer.open(root).compact(rows_per_shard=1_000)


def build(root):
    ids, packed, labels = items_of(50, 2, 5_000)
    if 5_000 not in ids_of(indexer.open(root)):
        indexer.build(root, ids, packed, code_length=LENGTH, labels=labels, rows_per_shard=20)


def vacuum(root):
    indexer.open(root).vacuum(keep=1, older_than_s=0)


CHANGES = {"append": append, "delete": delete, "compact": compact, "build": build, "vacuum": vacuum}


def commit_until_done(root, number):
    """Append rows of one's own, opening anew whenever another was first."""
    ids, packed, labels = items_of(5, number, 10_000 * (number + 1))
    while True:
        index = indexer.open(root)
        try:
            index.append(ids, packed, labels)
            return
        except OutputError as error:
            if "another writer committed first" not in str(error):
                raise


def ids_of(index):
    return {id_ for number in range(len(index.shards)) for id_ in index.open_shard(number).contents.ids.tolist()}


def content(index):
    """Return everything that an index holds and answers, as values to compare; its rows are each there once."""
    rows = []
    for number in range(len(index.shards)):
        shard = index.open_shard(number)
        rows += zip(shard.contents.ids.tolist(), as_integers(shard.contents.row_codes()), strict=True)
    assert len(dict(rows)) == len(rows) == len(index)
    within, nearest = index.range_search(QUERIES, 12), index.knn_search(QUERIES, 5)
    for number, query in enumerate(as_integers(QUERIES)):
        order = ranking(list(dict(rows)), list(dict(rows).values()), query)
        assert pairs(within, number) == [pair for pair in order if pair[0] <= 12]
        assert pairs(nearest, number) == order[:5]
    return sorted(rows), [array.tolist() for array in (within.offsets, within.ids, within.distances, nearest.ids)]


def has_no_orphans(root):
    """Vacuum, and assert that only what the current generation holds is left, of its manifests and files."""
    index = indexer.open(root)
    index.vacuum(keep=1, older_than_s=0)
    held = {entry.name for entry in index.shards} | {e.tombstones_name for e in index.shards if e.tombstones_name}
    assert {e.name for folder in ("shards", "tombstones") for e in index.store.entries(folder)} == held
    assert [entry.name for entry in index.store.entries("manifests")] == [f"manifests/{index.generation:08d}.json"]
    assert [entry.name for entry in index.store.entries("tmp")] in ([], ["tmp/lock"])
