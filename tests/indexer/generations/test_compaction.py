"""Compaction: fewer shards, without deleted rows, hold the same items."""

from __future__ import annotations

import numpy as np
import pytest
from changing_index import InADirectory, InS3, as_items, holds, some_items

import indexer
from hashcore.errors import OutputError


class Compaction:
    def test_compaction_merges_small_shards_and_drops_deleted_rows(self, root, built):
        index, items = built
        for number in range(3):
            more = some_items(10, seed=number, first_id=1_000 * (number + 1))
            index.append(*more)
            items = items | as_items(*more)
        gone = list(items)[::4]
        index.delete(np.array(gone))
        left = {id_: item for id_, item in items.items() if id_ not in gone}
        before = indexer.open(root)
        index.compact(rows_per_shard=200)
        assert len(index.shards) == 1 and index.inspect().deleted == 0
        holds(index, left)
        holds(before, left)
        assert index.compact(rows_per_shard=200).generation == before.generation + 1

    def test_a_compaction_whose_shards_others_have_changed_leaves_theirs(self, root, built):
        index, items = built
        groups = indexer.tasks.plan_compact(index.snapshot, 1_000)
        merged = [indexer.tasks.merge_shards(index.snapshot, group) for group in groups]
        indexer.open(root).delete(np.array(list(items)[:40]))
        with pytest.raises(OutputError, match="changed all shards that were merged"):
            indexer.tasks.commit_compact(index.snapshot, groups, merged)
        holds(indexer.open(root), dict(list(items.items())[40:]))


class TestInADirectory(InADirectory, Compaction):
    pass


class TestInS3(InS3, Compaction):
    pass
