"""Inverted lists: each set bit once, and a changed value of any array is found."""

from __future__ import annotations

import numpy as np
import pytest
import structure_files
from oracle import pairs
from sparse_index import QUERIES, built, drawn, truth

import indexer
from hashcore import codes
from hashcore.errors import CorruptIndexError
from indexer.shards.checks import check_arrays, check_structure
from indexer.structures.folds import TAG_PADDING, Folds
from indexer.structures.lists import Lists


def test_lists_hold_each_set_bit_once_in_about_a_byte(tmp_path):
    rng = np.random.default_rng(6)
    bits = rng.random((60_000, 256)) < 8 / 256
    index = indexer.build(str(tmp_path / "index"), np.arange(60_000), codes.pack(bits), code_length=256, kind="sparse")
    arrays = index.open_shard(0).contents.file.arrays
    postings = int(np.unique(bits, axis=0).sum())
    assert int(arrays["lists.counts"].sum()) == postings
    assert len(arrays["lists.bytes"]) < 1.35 * postings  # in classes of some hundred codes most gaps are short still


def test_beside_codes_and_ids_a_set_bit_takes_at_most_1_2_bytes(tmp_path):
    rng = np.random.default_rng(8)
    tokens = rng.permuted(np.tile(np.arange(512), (100_000, 1)), axis=1)[:, :8]
    bits = np.zeros((100_000, 512), bool)
    np.put_along_axis(bits, tokens, True, axis=1)
    index = indexer.build(str(tmp_path / "index"), np.arange(100_000), codes.pack(bits), code_length=512, kind="sparse")
    arrays = index.open_shard(0).contents.file.arrays
    postings = 8 * arrays["codes"].shape[1]
    beside = sum(array.nbytes for name, array in arrays.items() if name not in ("codes", "ids", "row_offsets"))
    assert arrays["folds.tags"].nbytes and arrays["lists.bytes"].nbytes and beside <= 1.21 * postings


def test_frequent_tokens_are_listed_by_a_bit_a_code(tmp_path):
    rng = np.random.default_rng(10)
    bits = rng.random((2000, 40)) < np.r_[0.6, 0.3, np.full(38, 0.02)]
    database, ids = codes.pack(bits), np.arange(2000)
    index = built(tmp_path / "index", ids, database, 40, route="lists", rows_per_shard=2000)
    arrays = index.open_shard(0).contents.file.arrays
    assert len(arrays["lists.bytes"]) < 0.8 * arrays["lists.counts"].sum()
    queries = codes.pack(bits[:QUERIES] | (np.arange(40) < 2))
    expected = truth(ids, database, queries)
    for radius in (0, 1, 3, 6):
        found = index.range_search(queries, radius)
        assert [pairs(found, i) for i in range(QUERIES)] == [[p for p in r if p[0] <= radius] for r in expected]


@pytest.mark.parametrize("name", ["lists.bytes", "lists.counts", "lists.offsets"])
def test_lists_that_lead_astray_are_corrupt(tmp_path, name):
    ids, database, _ = drawn(64)
    shard = built(tmp_path / "index", ids, database, 64).open_shard(0)
    sound = shard.contents.file.arrays[name]
    for place in np.random.default_rng(11).integers(0, sound.size, 20):
        damaged = sound.copy()
        damaged.flat[place] = 250 if name == "lists.bytes" else 10**6
        shard.contents.file.arrays[name] = damaged
        with pytest.raises(CorruptIndexError, match="array lists"):
            check_structure(shard.contents.file, shard.contents.layout)
    shard.contents.file.arrays[name] = sound
    check_structure(shard.contents.file, shard.contents.layout)


def test_a_shard_without_its_lists_directory_is_corrupt(tmp_path):
    ids, database, _ = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    shard = index.open_shard(0)
    del shard.contents.file.arrays["lists.counts"]
    with pytest.raises(CorruptIndexError, match=r"expected lists\.counts as uint32"):
        check_arrays(shard.contents.file, shard.contents.layout, shard.contents.stored_rows)


@pytest.mark.parametrize("code_length", [12, 64, 200])
def test_lists_pass_their_own_checks_and_a_changed_value_of_any_array_does_not(tmp_path, code_length):
    codes = structure_files.in_class_order(structure_files.drawn(code_length, share=0.1))
    structures = Folds(code_length), Lists(code_length)
    structure_files.assert_keeps_and_refuses(tmp_path, codes, *structures, unread={"folds.tags": TAG_PADDING})
    arrays = structure_files.stored(tmp_path, codes, *structures).arrays
    set_bits = structure_files.bits_of(codes, code_length).sum(axis=0)
    assert arrays["lists.counts"].sum(axis=1).tolist() == set_bits.tolist()
