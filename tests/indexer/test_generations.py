"""The life of an index: append, delete, compact and vacuum change what it holds, never what an answer is.

Each kind of root inherits the same suite. Whatever was done, every search and count equals the oracle over the items
that should be there, and every older generation answers as it did.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import as_integers, clustered_bits, pairs, ranking

import indexer
from hashcore import codes
from hashcore.errors import CorruptIndexError, InvalidInputError, OutputError
from hashcore.relevance import Labels
from indexer.changes import commit_shards
from indexer.manifest import commit_manifest

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
            counts += index.open_shard(number).distance_histograms(query[None])[0][0]
        assert np.array_equal(counts, np.bincount([distance for distance, _ in expected], minlength=LENGTH + 1))
    assert stored(index) == items


def stored(index):
    """Return what the shards give back, {id: (code as a number, labels)}, each id once."""
    rows = []
    for number in range(len(index.shards)):
        shard = index.open_shard(number)
        row_codes, labels = as_integers(shard.row_codes()), shard.labels()
        lists = [labels.of(row).tolist() for row in range(shard.rows)] if labels else [None] * shard.rows
        rows += zip(shard.ids.tolist(), zip(row_codes, lists, strict=True), strict=True)
        assert sorted(set(row_codes)) == sorted(as_integers(shard.codes())) and len(shard.codes()) == shard.distinct
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def as_items(ids, packed, labels=None):
    lists = [labels.of(row).tolist() for row in range(len(ids))] if labels else [None] * len(ids)
    return dict(zip(ids.tolist(), zip(as_integers(packed), lists, strict=True), strict=True))


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
        assert indexer.open(root).appended() == {"3f9c"}
        ids, packed, labels = some_items(20)
        assert indexer.build(root, ids, packed, code_length=LENGTH, labels=labels).appended() == set()

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
        ids, packed, labels = some_items(90)
        again = [
            indexer.build_shard(root, ids[part], packed[part], labels.slice(part.start, part.stop), layout=layout)
            for part in (slice(0, 45), slice(45, 90))
        ]
        assert tuple(again) == shards
        entries, index.store.now_s = index.store.entries, lambda: 0.0  # so that nothing is old

        def entries_as_if_later(folder):  # storage counts whole seconds: say that the shards are newer
            later = 5 if folder == "shards" else 0
            return [entry._replace(modified_s=entry.modified_s + later) for entry in entries(folder)]

        index.store.entries = entries_as_if_later
        assert index.vacuum(keep=1, older_than_s=0).files == 0

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

    def test_a_change_of_a_generation_that_is_no_longer_current_is_refused(self, root, built):
        index, items = built
        late = indexer.open(root)
        index.append(*some_items(3, seed=1, first_id=1_000))
        for change in (
            lambda: late.append(*some_items(3, seed=2, first_id=2_000)),
            lambda: late.delete(np.array([next(iter(items))])),
            lambda: late.compact(rows_per_shard=1_000),
        ):
            with pytest.raises(OutputError, match=r"another writer committed first; .*repeat the change"):
                change()
        assert late.generation == 1 and indexer.open(root).generation == 2

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
        broken = index.manifest.successor(2, [first.model_copy(update=change), second], {})
        commit_manifest(index.store, broken)
        with pytest.raises(CorruptIndexError, match="the manifest says rows, distinct codes, bytes"):
            indexer.open(str(index.store)).verify()

    def test_tombstones_of_another_shard_are_refused(self, built):
        index, _ = built
        index.delete(index.open_shard(0).ids[:1])
        marked, other = index.shards
        swapped = other.model_copy(update={"tombstones": marked.tombstones, "deleted": 1})
        commit_manifest(index.store, index.manifest.successor(3, [marked, swapped], {}))
        with pytest.raises(CorruptIndexError, match="expected rising rows of shard"):
            indexer.open(str(index.store)).verify()

    def test_a_wrong_answer_is_found_by_the_audit(self, built, monkeypatch):
        index, _ = built
        shard = index.open_shard(0)
        right = shard.range_search
        monkeypatch.setattr(shard, "range_search", lambda queries, radius: right(queries, max(radius - 15, 0)))
        with pytest.raises(CorruptIndexError, match="a search for one of its codes expected"):
            index.verify()


class TestInS3(Generations):
    @pytest.fixture
    def root(self, bucket):
        return f"{bucket}/some/index"

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
