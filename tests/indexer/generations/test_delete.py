"""Delete: deleted items are gone from every answer, and take no memory of one."""

from __future__ import annotations

import numpy as np
import pytest
from changing_index import LENGTH, InADirectory, InS3, as_items, holds, some_items

import indexer
from hashcore import codes, hamming
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from indexer.search.result_blocks import ROW_BYTES


class Delete:
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


class TestInADirectory(InADirectory, Delete):
    pass


class TestInS3(InS3, Delete):
    pass


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
