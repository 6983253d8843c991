"""Hash tables of substrings: their arrays, and a changed value of each is found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from structure_files import assert_keeps_and_refuses, drawn, stored

from indexer.structures.tables import substrings_for, tables_of


@pytest.mark.parametrize("code_length", [8, 12, 32, 64, 100, 128, 256])
@pytest.mark.parametrize("rows", [1, 300, 10**6, 64 * 10**6])
def test_substrings_are_disjoint_pieces_of_about_as_many_bits_as_rows_ask_for(code_length, rows):
    substrings = substrings_for(code_length, rows)
    places = [place for substring in substrings for place in substring.places]
    assert len(places) == len(set(places)) and max(places) < code_length
    wanted = min(max(math.log2(max(rows, 2)), 8), 24)
    assert all(wanted / 2 <= substring.bits <= 2 * wanted for substring in substrings if code_length >= wanted)


LENGTHS = [12, 64, 100, 128]


def some_tables(code_length):
    return tables_of(substrings_for(code_length, 300), -(-code_length // 64))


@pytest.mark.parametrize("code_length", LENGTHS)
def test_tables_pass_their_own_checks_and_a_changed_value_of_any_array_does_not(tmp_path, code_length):
    tables = some_tables(code_length)
    assert len(tables) > 1 or code_length == 12
    assert_keeps_and_refuses(tmp_path, drawn(code_length), *tables)


@pytest.mark.parametrize("code_length", LENGTHS)
def test_a_bucket_holds_the_codes_whose_substring_is_its_number(tmp_path, code_length):
    codes, tables = drawn(code_length), some_tables(code_length)
    arrays = stored(tmp_path, codes, *tables).arrays
    for table in tables:
        of, offsets = table.substring, arrays[f"{table.name}.offsets"]
        keys = (codes[of.word] >> np.uint64(of.shift)) & np.uint64(2**of.bits - 1)
        positions = arrays.get(f"{table.name}.positions", np.arange(codes.shape[1]))
        assert len(np.unique(keys)) > 100
        for key in np.unique(keys).tolist():
            bucket = positions[offsets[key] : offsets[key + 1]]
            assert sorted(bucket.tolist()) == np.flatnonzero(keys == key).tolist()
        if table.number > 0:
            assert np.array_equal(arrays[f"{table.name}.words"], codes[table.filter_word][positions])
