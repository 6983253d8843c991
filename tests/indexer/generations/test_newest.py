"""A change of an older generation is made of the newest, or says why not."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from changing_index import InADirectory, InS3, as_items, holds, some_items

import indexer
from hashcore.errors import InvalidInputError, OutputError


class Newest:
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


class TestInADirectory(InADirectory, Newest):
    pass


class TestInS3(InS3, Newest):
    pass
