"""Vacuum: files and manifests that no kept generation holds are removed, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from changing_index import InADirectory, InS3, files, holds, layout_with_tables, some_items, stored

import indexer
from hashcore.errors import InvalidInputError
from indexer.generations.vacuum import USUAL_AGE_S


class Vacuum:
    def test_vacuum_keeps_what_kept_generations_hold_and_nothing_else(self, root, built):
        index, items = built
        index.append(*some_items(10, seed=1, first_id=1_000))
        index.delete(np.array(list(items)[:20]))
        index.compact(rows_per_shard=1_000)
        index.delete(np.array(list(items)[20:25]))
        expected = stored(index)
        assert index.inspect().generations == (1, 2, 3, 4, 5)
        removed = index.vacuum(keep=2, older_than_s=0)
        assert removed.generations == 3 and removed.bytes > 0
        assert index.inspect().generations == (4, 5)
        kept = indexer.open(root, generation=4)
        assert files(index) == {e.name for e in kept.shards} | {e.tombstones_name for e in index.shards}
        holds(kept, dict(expected) | dict(list(items.items())[20:25]))
        holds(indexer.open(root), expected)
        with pytest.raises(InvalidInputError, match="no generation 3; use one of 4, 5"):
            indexer.open(root, generation=3)
        assert index.vacuum(keep=2, older_than_s=0) == (0, 0, 0, 0)

    def test_vacuum_leaves_what_a_running_build_has_written(self, root, built):
        index, _ = built
        ids, packed, labels = some_items(20, seed=3, first_id=500)
        entry = indexer.build_shard(root, ids, packed, labels, layout=layout_with_tables(packed))
        assert index.vacuum(keep=1).files == 0
        assert entry.name in files(index)
        assert index.vacuum(keep=1, older_than_s=0).files == 1
        assert entry.name not in files(index)

    def test_vacuum_leaves_a_file_that_was_written_again_since_it_was_dropped(self, root, built):
        index, _ = built
        layout, shards = index.manifest.layout, index.shards
        index.compact(rows_per_shard=1_000)
        index.vacuum(keep=1)
        ids, packed, labels = some_items(90)
        again = [
            indexer.build_shard(root, ids[part], packed[part], labels.slice(part.start, part.stop), layout=layout)
            for part in (slice(0, 45), slice(45, 90))
        ]
        assert tuple(again) == shards
        assert index.vacuum(keep=1) == (0, 0, 0, 0)
        assert {entry.name for entry in again} <= files(index)
        now_s = index.store.now_s()
        index.store.now_s = lambda: now_s + USUAL_AGE_S + 60
        assert index.vacuum(keep=1).files == 2

    @pytest.mark.parametrize("keep", [0, 1.5, "2", None])
    def test_what_is_no_number_of_generations_is_refused(self, built, keep):
        with pytest.raises(InvalidInputError, match=r"keep=.*(keep 1 or more|give a whole number)"):
            built[0].vacuum(keep=keep)

    @pytest.mark.parametrize("age", [-1, -math.inf, math.nan, math.inf, "x", None])
    def test_what_is_no_age_is_refused(self, built, age):
        with pytest.raises(InvalidInputError, match=r"older_than_s=.*: give a number of seconds, 0 or more"):
            built[0].vacuum(older_than_s=age)

    def test_a_vacuum_leaves_what_others_have_put_beside(self, root, built):
        store = built[0].store
        others = [
            "shards/00000.tar", "tombstones/x", "tmp/mine.txt", f"tmp/{'a' * 32}", "manifests/notes.txt",
            f"shards/{'A' * 64}.safetensors", f"shards/{'a' * 63}.safetensors", "photos/1.jpg", "shards/deep/2.jpg",
        ]  # fmt: skip
        for name in others:
            store.put_new(name, b"my only copy")
        store.put_new(f"shards/{'a' * 64}.safetensors", b"ours")
        assert built[0].vacuum(older_than_s=0) == (0, 1, 4, 0)
        assert {name: store.get(name) for name in others} == dict.fromkeys(others, b"my only copy")


class TestInADirectory(InADirectory, Vacuum):
    pass


class TestInS3(InS3, Vacuum):
    pass
