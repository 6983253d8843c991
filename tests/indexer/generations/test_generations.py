"""The life of an index: append, delete, compact and vacuum change what it holds, never what an answer is.

Each kind of root inherits the same suite. Whatever was done, every search and count equals the oracle over the items
that should be there, and every older generation answers as it did.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import as_integers, clustered_bits, pairs, ranking

import indexer
from hashcore import codes, hamming
from hashcore.errors import CorruptIndexError, InvalidInputError, OutputError
from hashcore.labels import Labels
from indexer.generations.commit import commit_manifest, commit_shards
from indexer.generations.manifest import read_manifest
from indexer.generations.vacuum import USUAL_AGE_S
from indexer.search.result_blocks import ROW_BYTES
from indexer.storage.opening import open_store
from indexer.storage.store import unfinished_name

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


class Generations:
    """Inherited with a fixture `root`."""

    @pytest.fixture
    def built(self, root):
        ids, packed, labels = some_items(90)
        layout = layout_with_tables(packed)
        index = indexer.build(root, ids, packed, code_length=LENGTH, labels=labels, rows_per_shard=45, layout=layout)
        return index, as_items(ids, packed, labels)

    def test_appended_items_are_found_and_older_generations_answer_as_before(self, root, built):
        index, items = built
        more = some_items(40, seed=1, first_id=10_000)
        assert index.append(*more) is index
        assert (index.generation, index.manifest.parent) == (2, 1)
        holds(index, items | as_items(*more))
        holds(indexer.open(root), items | as_items(*more))
        holds(indexer.open(root, generation=1), items)

    def test_what_was_appended_is_known_after_a_vacuum_and_forgotten_by_a_new_build(self, root, built):
        index, _ = built
        commit_shards(index.store, index.manifest, index.shards, {"verb": "append", "codes": "3f9c"})
        index = indexer.open(root).delete(np.array([0]))
        index.vacuum(keep=1)
        assert indexer.open(root).snapshot.appended() == {"3f9c"}
        ids, packed, labels = some_items(20)
        assert indexer.build(root, ids, packed, code_length=LENGTH, labels=labels).snapshot.appended() == set()

    def test_deleted_items_are_gone_from_every_answer(self, root, built):
        index, items = built
        gone = list(items)[::3]
        index.delete(np.array([*gone, 999_999]))
        assert index.manifest.provenance["change"] == {"verb": "delete", "rows": len(gone)}
        left = {id_: item for id_, item in items.items() if id_ not in gone}
        holds(index, left)
        holds(indexer.open(root, generation=1), items)
        index.delete(np.array(list(left)[:5]))
        holds(indexer.open(root), dict(list(left.items())[5:]))

    def test_a_deleted_id_may_be_given_again(self, built):
        index, items = built
        first = next(iter(items))
        code = codes.pack(np.ones((1, LENGTH), np.uint8))
        index.delete(np.array([first])).append(np.array([first]), code, Labels.from_lists([[9]]))
        holds(index, items | {first: (2**LENGTH - 1, [9])})

    def test_an_index_whose_items_are_all_deleted_answers_nothing_and_can_be_filled(self, root, built):
        index, items = built
        index.delete(np.array(list(items)))
        assert len(index) == 0 and len(indexer.open(root)) == 0
        queries = np.zeros((2, LENGTH // 8), np.uint8)
        assert index.range_search(queries, LENGTH).counts().tolist() == [0, 0]
        with pytest.raises(InvalidInputError, match="0 codes"):
            index.knn_search(queries, 1)
        assert index.compact().generation == 2
        more = some_items(5, seed=4)
        holds(index.append(*more), as_items(*more))

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

    def test_a_change_of_a_generation_that_is_no_longer_current_is_made_of_the_newest(self, root, built):
        index, items = built
        late = [indexer.open(root) for _ in range(3)]
        first, second = some_items(3, seed=1, first_id=1_000), some_items(3, seed=2, first_id=2_000)
        index.append(*first)
        gone = next(iter(items))
        late[0].append(*second)
        late[1].delete(np.array([gone, 1_000]))
        assert late[1].manifest.provenance["change"]["rows"] == 1 + (1_000 in first[0])
        late[2].compact(rows_per_shard=1_000)
        assert [each.generation for each in late] == [3, 4, 5] and len(late[2].shards) == 1
        left = items | as_items(*first) | as_items(*second)
        holds(late[2], {id_: item for id_, item in left.items() if id_ not in (gone, 1_000)})

    def test_an_id_that_another_writer_has_appended_since_is_refused(self, root, built):
        index, _ = built
        late, more = indexer.open(root), some_items(3, seed=1, first_id=1_000)
        index.append(*more)
        with pytest.raises(InvalidInputError, match="3 ids are in the index already"):
            late.append(*more)
        assert indexer.open(root).generation == 2

    def test_a_change_of_a_generation_that_was_vacuumed_says_so(self, root, built, s3_settings):
        index, items = built
        late = indexer.open(root)
        index.compact(rows_per_shard=1_000)
        index.vacuum(older_than_s=0)
        for change in (
            lambda: late.append(*some_items(3, seed=2, first_id=2_000)),
            lambda: late.delete(np.array([next(iter(items))])),
            lambda: late.compact(rows_per_shard=1_000),
        ):
            with pytest.raises(
                OutputError, match=r"another writer committed first and generation 1 was vacuumed; .*repeat"
            ):
                change()
        shutil.rmtree(os.environ["HASHCORE_CACHE"], ignore_errors=True)
        with pytest.raises(InvalidInputError, match="generation 1 was vacuumed; open the index again"):
            late.knn_search(np.zeros((1, 5), np.uint8), 1)
        assert late.generation == 1 and indexer.open(root).generation == 2

    def test_a_change_of_codes_of_another_hasher_is_refused(self, root, built):
        index, _ = built
        late = indexer.open(root)
        shards, layout = index.shards, index.manifest.layout
        indexer.commit(root, shards, layout=layout, hasher_fingerprint="3f9c")
        with pytest.raises(OutputError, match="another writer committed first and its index holds codes of another"):
            late.append(*some_items(3, seed=2, first_id=2_000))

    def test_a_compaction_whose_shards_others_have_changed_leaves_theirs(self, root, built):
        index, items = built
        groups = indexer.tasks.plan_compact(index.snapshot, 1_000)
        merged = [indexer.tasks.merge_shards(index.snapshot, group) for group in groups]
        indexer.open(root).delete(np.array(list(items)[:40]))
        with pytest.raises(OutputError, match="changed all shards that were merged"):
            indexer.tasks.commit_compact(index.snapshot, groups, merged)
        holds(indexer.open(root), dict(list(items.items())[40:]))

    def test_a_reader_that_an_append_a_compaction_and_a_vacuum_overtake_answers_as_before(self, root, built):
        index, items = built
        reader = indexer.open(root)
        index.append(*some_items(3, seed=2, first_id=2_000))
        index.compact(rows_per_shard=1_000)
        index.vacuum()
        holds(reader, items)

    def test_an_index_opens_whose_current_generation_a_vacuum_removes_meanwhile(self, root, built, monkeypatch):
        index, _ = built
        reader, get = indexer.open(root).store, type(index.store).get

        def get_late(store, key):
            if store is reader and key.startswith("manifests/") and index.generation == 1:
                index.append(*some_items(3, seed=2, first_id=2_000))
                index.vacuum(older_than_s=0)
            return get(store, key)

        monkeypatch.setattr(type(reader), "get", get_late)
        assert read_manifest(reader).generation == 2

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

    def test_a_number_far_above_the_current_one_is_no_generation(self, root, built):
        index, _ = built
        index.store.put_new("manifests/999999999999999999.json", b"stray")
        assert index.append(*some_items(3, seed=2, first_id=2_000)).generation == 2
        assert indexer.open(root).inspect().generations == (1, 2)
        with pytest.raises(InvalidInputError, match="use one of 1, 2"):
            indexer.open(root, generation=7)

    def test_no_generation_is_committed_that_no_reader_would_take(self, root, built):
        index, _ = built
        last = index.manifest.model_copy(update={"generation": 10**18 - 1})
        put(index.store, last)
        with pytest.raises(OutputError, match="generation 1000000000000000000 would be one that no reader takes"):
            indexer.open(root).append(*some_items(3, seed=2, first_id=2_000))
        assert indexer.open(root).generation == 10**18 - 1

    @pytest.mark.parametrize("parent", [1, 2])
    def test_a_generation_that_does_not_follow_its_parent_is_refused(self, root, built, parent):
        index, _ = built
        put(index.store, index.manifest.model_copy(update={"parent": parent}))
        with pytest.raises(CorruptIndexError, match=f"parent {parent} is not before generation 1"):
            indexer.open(root)

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

    def test_a_searched_index_is_pickled(self, built):
        index, items = built
        holds(index, items)
        holds(pickle.loads(pickle.dumps(index)), items)

    def test_ids_that_are_there_already_are_refused_and_named(self, built):
        index, items = built
        taken = next(iter(items))
        with pytest.raises(InvalidInputError, match=rf"1 ids are in the index already, such as {taken};"):
            index.append(np.array([taken, 5_000]), np.zeros((2, 5), np.uint8), Labels.from_lists([[1], [1]]))
        assert index.generation == 1

    def test_labels_are_given_as_the_index_was_built(self, built):
        index, _ = built
        with pytest.raises(InvalidInputError, match="built with labels; append rows with, not without"):
            index.append(np.array([5_000]), np.zeros((1, 5), np.uint8))

    def test_a_number_that_was_current_and_vacuumed_meanwhile_is_not_taken_for_ones_own(self, root, built):
        index, items = built
        others = [some_items(3, seed=number, first_id=1_000 * number) for number in (1, 2)]
        put_new = index.store.put_new

        def put_late(*arguments):
            index.store.put_new = put_new
            for more in others:
                indexer.open(root).append(*more)
            indexer.open(root).vacuum(keep=1)
            return put_new(*arguments)

        index.store.put_new = put_late
        mine = some_items(3, seed=3, first_id=3_000)
        index.append(*mine)
        expected = items
        for more in (*others, mine):
            expected = expected | as_items(*more)
        holds(indexer.open(root), expected)

    def test_a_swap_whose_answer_was_lost_is_no_lost_race(self, root, built):
        index, items = built
        later = some_items(3, seed=2, first_id=2_000)
        swap = index.store.swap

        def swap_and_be_overtaken(*arguments):
            assert swap(*arguments)
            index.store.swap = swap
            indexer.open(root).append(*later)
            return False

        index.store.swap = swap_and_be_overtaken
        more = some_items(3, seed=1, first_id=1_000)
        index.append(*more)
        assert index.generation == 2
        holds(indexer.open(root), items | as_items(*more) | as_items(*later))


class TestInADirectory(Generations):
    @pytest.fixture
    def root(self, tmp_path):
        return str(tmp_path / "index")

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_history_ends_with_the_items_that_it_should(self, tmp_path_factory, data):
        root = str(tmp_path_factory.mktemp("history"))
        ids, packed, labels = some_items(data.draw(st.integers(1, 40)), seed=1)
        layout = layout_with_tables(packed) if data.draw(st.booleans()) else None
        index = indexer.build(root, ids, packed, code_length=LENGTH, labels=labels, rows_per_shard=15, layout=layout)
        items, next_id = as_items(ids, packed, labels), 1_000
        for step in range(data.draw(st.integers(1, 6))):
            verb = data.draw(st.sampled_from(["append", "delete", "compact", "vacuum", "reopen"]))
            if verb == "append":
                more = some_items(data.draw(st.integers(1, 20)), seed=step, first_id=next_id)
                index.append(*more)
                items, next_id = items | as_items(*more), next_id + 1_000
            elif verb == "delete" and items:
                gone = data.draw(st.sets(st.sampled_from(sorted(items)), max_size=len(items)))
                index.delete(np.array(sorted(gone), np.int64))
                items = {id_: item for id_, item in items.items() if id_ not in gone}
            elif verb == "compact":
                index.compact(rows_per_shard=data.draw(st.integers(1, 60)))
            elif verb == "vacuum":
                index.vacuum(keep=data.draw(st.integers(1, 2)), older_than_s=0)
            else:
                index = indexer.open(root)
        holds(index, items) if items else None
        assert stored(indexer.open(root)) == items
        index.verify()

    def test_a_manifest_of_version_1_is_read(self, root, built):
        _, items = built
        path = Path(root, "manifests", "00000001.json")
        old = json.loads(path.read_text())
        old["format_version"] = 1
        del old["writer"], old["checksum"]
        Path(root, "CURRENT").write_text("1\n")
        old["shards"] = [{k: e[k] for k in ("digest", "rows", "distinct", "bytes")} for e in old["shards"]]
        path.write_text(json.dumps(old))
        reopened = indexer.open(root)
        holds(reopened, items)
        with pytest.raises(InvalidInputError, match="in the index already"):
            reopened.append(np.array([next(iter(items))]), np.zeros((1, 5), np.uint8), Labels.from_lists([[1]]))
        reopened.delete(np.array([next(iter(items))]))
        holds(reopened, dict(list(items.items())[1:]))

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


class TestInS3(Generations):
    @pytest.fixture
    def root(self, bucket):
        return f"{bucket}/some/index"

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


@pytest.mark.parametrize(("rows", "kind"), [(3_000, "dense"), (60_000, "dense"), (3_000, "sparse")])
@pytest.mark.parametrize("radius", [20, 64])
def test_deleted_rows_take_nothing_of_the_memory_that_an_answer_may_take(tmp_path, rows, kind, radius):
    drawn = np.random.default_rng(0).integers(0, 256, (rows, 8), dtype=np.uint8)
    index = indexer.build(str(tmp_path), np.arange(rows), drawn, code_length=64, kind=kind)
    index.delete(np.arange(rows - 10))
    room = 20 * ROW_BYTES
    parts = [found for _, found in index.iter_range_search(drawn[-2:], radius, max_bytes=room)]
    wanted = hamming.range_search(drawn[-10:], drawn[-2:], radius)
    assert [part.ids.tolist() for part in parts] == [(wanted.ids + rows - 10).tolist()]
    with pytest.raises(InvalidInputError, match="more than 9 neighbors"):
        list(index.iter_range_search(drawn[:1], 64, max_bytes=10 * ROW_BYTES - 1))
