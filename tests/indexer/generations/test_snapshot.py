"""An opened generation answers as before, whatever is changed meanwhile, and travels."""

from __future__ import annotations

import pickle

from changing_index import InADirectory, InS3, holds, some_items

import indexer


class Snapshot:
    def test_a_reader_that_an_append_a_compaction_and_a_vacuum_overtake_answers_as_before(self, root, built):
        index, items = built
        reader = indexer.open(root)
        index.append(*some_items(3, seed=2, first_id=2_000))
        index.compact(rows_per_shard=1_000)
        index.vacuum()
        holds(reader, items)

    def test_a_searched_index_is_pickled(self, built):
        index, items = built
        holds(index, items)
        holds(pickle.loads(pickle.dumps(index)), items)


class TestInADirectory(InADirectory, Snapshot):
    pass


class TestInS3(InS3, Snapshot):
    def test_opening_reads_only_the_manifest_and_a_search_only_the_shards_it_needs(
        self, root, built, monkeypatch, tmp_path
    ):
        ids, packed, labels = some_items(30, seed=8, first_id=5_000)
        built[0].append(ids, packed, labels)
        monkeypatch.setenv("HASHCORE_CACHE", str(tmp_path / "cold"))
        fetched = []

        def opened():
            fresh = indexer.open(root)
            fresh.store.client.meta.events.register(
                "after-call.s3.GetObject", lambda parsed, **_: fetched.append(parsed["ContentLength"])
            )
            return fresh

        index = opened()
        assert not (tmp_path / "cold").exists()
        index.open_shard(2).range_search(packed[:3], 3)
        assert fetched == [index.shards[2].bytes]
        index.range_search(packed[:3], 3)
        assert sorted(fetched) == sorted(entry.bytes for entry in index.shards)
        fetched.clear()
        opened().range_search(packed[:3], 3)
        assert fetched == []
