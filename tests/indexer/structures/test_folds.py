"""The fold table: classes and groups of its codes, and a changed value of each is found."""

from __future__ import annotations

import numpy as np
import pytest
import structure_files
from sparse_index import built, drawn
from structure_files import assert_keeps_and_refuses, in_class_order

from hashcore.errors import CorruptIndexError
from indexer.shards.checks import check_structure
from indexer.structures.folds import TAG_PADDING, Folds


def test_a_fold_table_that_leads_beyond_its_groups_is_corrupt(tmp_path):
    ids, database, _ = drawn(64)
    shard = built(tmp_path / "index", ids, database, 64).open_shard(0)
    shard.contents.verify()
    before = shard.contents.file.arrays["folds.before"].copy()
    before[-1] = 254
    shard.contents.file.arrays["folds.before"] = before
    with pytest.raises(CorruptIndexError, match=r"array folds\.before: expected buckets within their groups"):
        check_structure(shard.contents.file, shard.contents.layout)


@pytest.mark.parametrize("code_length", [12, 64, 200])
def test_folds_pass_their_own_checks_and_a_changed_value_of_any_array_does_not(tmp_path, code_length):
    codes = in_class_order(structure_files.drawn(code_length, share=0.1))
    assert_keeps_and_refuses(tmp_path, codes, Folds(code_length), unread={"folds.tags": TAG_PADDING})


def test_classes_are_the_codes_of_each_number_of_set_bits(tmp_path):
    codes = in_class_order(structure_files.drawn(200, share=0.1))
    arrays = structure_files.stored(tmp_path, codes, Folds(200)).arrays
    set_bits = np.bitwise_count(codes).sum(axis=0)
    sizes, counts = np.unique(set_bits, return_counts=True)
    assert len(sizes) > 10 and (np.diff(set_bits.astype(int)) >= 0).all()
    assert arrays["classes.sizes"].tolist() == sizes.tolist()
    assert np.diff(arrays["classes.starts"]).tolist() == counts.tolist()
