"""Verify finds what is damaged or lies; inspect reads manifests alone."""

from __future__ import annotations

import numpy as np
import pytest
from changing_index import InADirectory, InS3, put

import indexer
from hashcore.errors import CorruptIndexError
from hashcore.labels import Labels
from indexer.generations.commit import commit_manifest


class Audit:
    def test_verify_compares_all_and_inspect_reads_only_manifests(self, root, built):
        index, items = built
        index.delete(np.array(list(items)[:7]))
        verified = index.verify()
        assert (verified.shards, verified.rows) == (2, 83) and verified.queries > 10
        assert verified.bytes == sum(entry.bytes for entry in index.shards)
        seen = indexer.open(root).inspect()
        assert (seen.rows, seen.deleted, seen.generation, seen.files) == (
            83,
            7,
            2,
            2 + sum(e.deleted > 0 for e in seen.shards),
        )

    @pytest.mark.parametrize("moved", [-1, 1])
    def test_verify_finds_a_range_of_ids_that_lies(self, root, built, moved):
        index, _ = built
        first, second = index.shards
        lies = first.model_copy(update={"ids": (first.ids[0] + moved, first.ids[1])})
        put(index.store, index.manifest.successor(2, [lies, second], {}))
        with pytest.raises(CorruptIndexError, match=r"expected ids .* by the manifest, got"):
            indexer.open(root).verify()

    def test_verify_finds_an_item_that_is_in_two_shards(self, root, built):
        index, items = built
        twice = next(iter(items))
        entry = indexer.build_shard(
            root, np.array([twice, 5_000]), np.zeros((2, 5), np.uint8), Labels.from_lists([[1], [1]]),
            layout=index.manifest.layout,
        )  # fmt: skip
        put(index.store, index.manifest.successor(2, [*index.shards, entry], {}))
        with pytest.raises(CorruptIndexError, match=f"1 ids or more are in two shards, such as {twice};"):
            indexer.open(root).verify()


class TestInADirectory(InADirectory, Audit):
    @pytest.mark.parametrize("change", [{"rows": 44}, {"distinct": 3}, {"bytes": 99}])
    def test_a_shard_that_is_not_what_the_manifest_says_is_refused(self, built, change):
        index, _ = built
        first, second = index.shards
        put(index.store, index.manifest.successor(2, [first.model_copy(update=change), second], {}))
        with pytest.raises(CorruptIndexError, match="the manifest says rows, distinct codes, bytes"):
            indexer.open(str(index.store)).verify()

    def test_tombstones_of_another_shard_are_refused(self, built):
        index, _ = built
        index.delete(index.open_shard(0).contents.ids[:1])
        marked, other = index.shards
        swapped = other.model_copy(update={"tombstones": marked.tombstones, "deleted": 1})
        commit_manifest(index.store, index.manifest.successor(3, [marked, swapped], {}))
        with pytest.raises(CorruptIndexError, match="expected rising rows of shard"):
            indexer.open(str(index.store)).verify()

    def test_a_wrong_answer_is_found_by_the_audit(self, built, monkeypatch):
        index, _ = built
        right = indexer.Shard.range_search
        monkeypatch.setattr(indexer.Shard, "range_search", lambda shard, codes, r: right(shard, codes, max(r - 15, 0)))
        with pytest.raises(CorruptIndexError, match="a search for one of its codes expected"):
            index.verify()


class TestInS3(InS3, Audit):
    def test_verify_looks_at_the_objects_and_not_at_this_machines_copies(self, root, built):
        index, _ = built
        index.verify()
        body = index.store.get(index.shards[0].name)
        index.store.client.put_object(
            Bucket=index.store.bucket, Key=index.store.prefix + index.shards[0].name, Body=body[:-1] + b"!"
        )
        with pytest.raises(CorruptIndexError, match="SHA-256"):
            indexer.open(root).verify()
        index.store.remove(index.shards[0].name)
        with pytest.raises(CorruptIndexError, match="the object is missing"):
            indexer.open(root).verify()
