"""A small index that changes, and the items that it should hold.

Tests of changes inherit a root of each kind. Whatever was done, every search and count equals the oracle over the
items that should be there.
"""

from __future__ import annotations

import numpy as np
import pytest
from oracle import as_integers, clustered_bits, pairs, ranking

import indexer
from hashcore import codes
from hashcore.labels import Labels

LENGTH = 40


def some_items(count, seed=0, first_id=0):
    """Ids, codes with duplicates, and labels."""
    generator = np.random.default_rng(seed)
    packed = codes.pack(clustered_bits(generator, count, LENGTH))
    ids = first_id + generator.permutation(3 * count)[:count].astype(np.int64)
    return ids, packed, Labels.from_lists([[int(i) % 5] * (int(i) % 3) for i in ids])


def layout_with_tables(packed):
    return indexer.plan_layout(packed, code_length=LENGTH, rows_per_shard=len(packed), scan_below=0)


def holds(index, items):
    """Assert that an index holds exactly these items, {id: (code as a number, labels)}, and answers as the oracle."""
    assert len(index) == len(items)
    ids, held = list(items), [code for code, _ in items.values()]
    asked = codes.pack(clustered_bits(np.random.default_rng(7), 5, LENGTH))
    for query in np.concatenate([asked, np.array(held[:3], "<u8").view(np.uint8).reshape(-1, 8)[:, : LENGTH // 8]]):
        expected = ranking(ids, held, as_integers(query[None])[0])
        for radius in (0, 3, 12, LENGTH):
            within = index.range_search(query[None], radius)
            assert pairs(within, 0) == [pair for pair in expected if pair[0] <= radius]
        for k in {1, len(items) // 2 or 1, len(items)}:
            assert pairs(index.knn_search(query[None], k), 0) == expected[:k]
        assert sum(plan.neighbors for plan in index.explain(query[None], 12)) == sum(d <= 12 for d, _ in expected)
        counts = np.zeros(LENGTH + 1, np.int64)
        for number in range(len(index.shards)):
            counts += index.open_shard(number).contents.distance_histograms(query[None])[0][0]
        assert np.array_equal(counts, np.bincount([distance for distance, _ in expected], minlength=LENGTH + 1))
    assert stored(index) == items


def stored(index):
    """Return what the shards give back, {id: (code as a number, labels)}, each id once."""
    rows = []
    for number in range(len(index.shards)):
        shard = index.open_shard(number).contents
        row_codes, labels = as_integers(shard.row_codes()), shard.labels()
        lists = [labels.of(row).tolist() for row in range(shard.rows)] if labels else [None] * shard.rows
        rows += zip(shard.ids.tolist(), zip(row_codes, lists, strict=True), strict=True)
        assert sorted(set(row_codes)) == sorted(as_integers(shard.codes())) and len(shard.codes()) == shard.distinct
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def as_items(ids, packed, labels=None):
    lists = [labels.of(row).tolist() for row in range(len(ids))] if labels else [None] * len(ids)
    return dict(zip(ids.tolist(), zip(as_integers(packed), lists, strict=True), strict=True))


def put(store, manifest):
    """Make a manifest current without looking at it, as another program may."""
    store.remove(f"manifests/{manifest.generation:08d}.json")
    assert store.put_new(f"manifests/{manifest.generation:08d}.json", manifest.content())
    assert store.swap("CURRENT", store.get("CURRENT"), f"{manifest.generation} {manifest.writer}\n".encode())


def files(index):
    return {entry.name for folder in ("shards", "tombstones") for entry in index.store.entries(folder)}


class InADirectory:
    @pytest.fixture
    def root(self, tmp_path):
        return str(tmp_path / "index")


class InS3:
    @pytest.fixture
    def root(self, bucket):
        return f"{bucket}/some/index"
