"""Append: added items are found, and ids that are there already are refused."""

from __future__ import annotations

import numpy as np
import pytest
from changing_index import LENGTH, InADirectory, InS3, as_items, holds, some_items

import indexer
from hashcore.errors import InvalidInputError, LostRaceError, OutputError
from hashcore.labels import Labels
from indexer.generations import append
from indexer.generations.commit import commit_shards
from indexer.shards.live_rows import LiveRows


class Append:
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

    def test_an_index_that_was_built_anew_without_labels_since_takes_none(self, root, built):
        index, _ = built
        entry = indexer.tasks.append_shard(index.snapshot, *some_items(3, seed=1, first_id=1_000))
        ids, packed, _ = some_items(20, seed=2, first_id=5_000)
        indexer.build(root, ids, packed, code_length=LENGTH)
        with pytest.raises(InvalidInputError, match="the index was built without labels"):
            indexer.tasks.commit_append(index.snapshot, [entry], "more")
        assert indexer.open(root).generation == 2

    def test_a_shard_of_another_writer_is_looked_through_once_however_often_it_is_tried(self, built, monkeypatch):
        index, _ = built
        ids, packed, labels = some_items(3, seed=1, first_id=1_000)
        entry = indexer.tasks.append_shard(index.snapshot, ids, packed, labels)
        theirs, same_codes, same_labels = some_items(3, seed=2, first_id=1_001)
        theirs = np.array([999, 1_500, 2_000])  # their range holds ours
        indexer.open(str(index.store)).append(theirs, same_codes, same_labels)
        looked, tried, find, commit = [], [], LiveRows.find, append.commit_shards

        def lost_twice(*given):
            tried.append(given)
            if len(tried) < 3:
                raise LostRaceError("another writer was first")
            return commit(*given)

        monkeypatch.setattr(append, "commit_shards", lost_twice)
        monkeypatch.setattr(LiveRows, "find", lambda live, wanted: looked.append(len(live)) or find(live, wanted))
        assert indexer.tasks.commit_append(index.snapshot, [entry], "more").generation == 3
        assert len(tried) == 3 and looked == [3]

    def test_an_id_that_another_writer_has_appended_since_is_refused(self, root, built):
        index, _ = built
        late, more = indexer.open(root), some_items(3, seed=1, first_id=1_000)
        index.append(*more)
        with pytest.raises(InvalidInputError, match="3 ids are in the index already"):
            late.append(*more)
        assert indexer.open(root).generation == 2

    def test_a_change_of_codes_of_another_hasher_is_refused(self, root, built):
        index, _ = built
        late = indexer.open(root)
        shards, layout = index.shards, index.manifest.layout
        indexer.commit(root, shards, layout=layout, hasher_fingerprint="3f9c")
        with pytest.raises(OutputError, match="another writer committed first and its index holds codes of another"):
            late.append(*some_items(3, seed=2, first_id=2_000))

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


class TestInADirectory(InADirectory, Append):
    pass


class TestInS3(InS3, Append):
    pass
