"""A commit takes shards that are there, whole and disjoint, in a place that holds nothing of others."""

from __future__ import annotations

import multiprocessing

import pytest
from changing_index import LENGTH, InADirectory, InS3, as_items, holds, layout_with_tables, put, some_items

import indexer
from hashcore.errors import CorruptIndexError, InvalidInputError, OutputError
from indexer.generations.commit import commit_manifest, commit_shards
from indexer.storage.opening import open_store
from indexer.storage.store import unfinished_name


class Commit:
    def test_a_retried_build_commits_though_the_first_one_was_compacted_and_vacuumed(self, root, built):
        index, items = built
        late = list(index.shards)  # of the first run, whose commit comes last
        layout = index.manifest.layout
        index.append(*some_items(3, seed=2, first_id=2_000))
        index.compact(rows_per_shard=1_000)
        index.vacuum()
        holds(indexer.commit(root, late, layout=layout), items)
        indexer.open(root).verify()

    def test_a_commit_of_a_shard_that_is_gone_is_refused(self, root, built):
        index, _ = built
        store, (first, second) = index.store, index.shards
        for bad in (first.model_copy(update={"digest": "0" * 64}), first.model_copy(update={"bytes": first.bytes - 1})):
            with pytest.raises(CorruptIndexError, match=rf"{bad.digest}.*is not committed: build the shard again"):
                indexer.commit(root, [bad, second], layout=index.manifest.layout)
        store.remove(first.name)
        with pytest.raises(CorruptIndexError, match=r"expected \d+ bytes, got no such file"):
            commit_shards(store, index.manifest, index.shards, {})
        assert indexer.open(root).generation == 1 and [e.name for e in store.entries("manifests")] == [
            "manifests/00000001.json"
        ]

    def test_a_commit_of_shards_that_share_an_id_is_refused(self, root, built):
        index, _ = built
        ids, packed, labels = some_items(20, seed=5)
        more = indexer.build_shard(root, ids, packed, labels, layout=index.manifest.layout)
        with pytest.raises(InvalidInputError, match="ids or more are in two shards, such as"):
            indexer.commit(root, [*index.shards, more], layout=index.manifest.layout)
        with pytest.raises(InvalidInputError, match="is given twice"):
            indexer.commit(root, [*index.shards, index.shards[0]], layout=index.manifest.layout, ids_checked=True)
        assert indexer.open(root).generation == 1

    def test_a_commit_of_no_shards_is_refused(self, root, built):
        with pytest.raises(InvalidInputError, match="no shards are given"):
            indexer.commit(root, [], layout=built[0].manifest.layout)

    def test_no_generation_is_committed_that_no_reader_would_take(self, root, built):
        index, _ = built
        last = index.manifest.model_copy(update={"generation": 10**18 - 1})
        put(index.store, last)
        with pytest.raises(OutputError, match="generation 1000000000000000000 would be one that no reader takes"):
            indexer.open(root).append(*some_items(3, seed=2, first_id=2_000))
        assert indexer.open(root).generation == 10**18 - 1

    @pytest.mark.parametrize("name", ["shards/00000.tar", "tmp/mine.txt", "tombstones/x", "letter.txt"])
    def test_a_place_that_holds_files_of_others_is_no_place_for_an_index(self, root, name):
        store, (ids, packed, _) = open_store(root), some_items(5)
        store.put_new(name, b"my only copy")
        with pytest.raises(OutputError, match=rf"holds files that are no index, such as {name}; choose another"):
            indexer.build(root, ids, packed, code_length=LENGTH)
        assert store.get(name) == b"my only copy" and store.get("CURRENT") is None

    def test_a_place_that_a_killed_build_has_left_is_built_in(self, root):
        ids, packed, _ = some_items(5)
        layout = layout_with_tables(packed)
        indexer.build_shard(root, ids, packed, layout=layout)
        open_store(root).put_new(unfinished_name(), b"half")
        holds(indexer.build(root, ids, packed, code_length=LENGTH, layout=layout), as_items(ids, packed))


class TestInADirectory(InADirectory, Commit):
    pass


class TestInS3(InS3, Commit):
    pass


def commit_once(root, gate, results):
    index = indexer.open(root)
    manifest = index.manifest.successor(2, index.shards, {})
    gate.wait()
    try:
        commit_manifest(index.store, manifest)
        results.put("won")
    except OutputError as error:
        results.put(str(error))


def test_of_several_committers_at_once_one_wins_and_the_others_are_told(root):
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(4), context.Queue()
    crew = [context.Process(target=commit_once, args=(str(root), gate, results)) for _ in range(4)]
    for process in crew:
        process.start()
    outcomes = [results.get(timeout=30) for _ in crew]
    for process in crew:
        process.join()
    assert outcomes.count("won") == 1
    assert all("another writer committed first" in outcome for outcome in outcomes if outcome != "won")
    assert indexer.open(str(root)).generation == 2
