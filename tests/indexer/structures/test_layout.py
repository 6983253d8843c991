"""Layouts that say something impossible are refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
from lying_shards import assert_refused, opened

import indexer
from indexer.storage.array_file import write_array_file
from indexer.structures.layout import Layout
from indexer.structures.planning import plan_layout
from indexer.structures.tables import MAX_TABLES

pytestmark = pytest.mark.usefixtures("large")


def test_a_layout_whose_blocks_leave_out_bits_is_refused():
    sample = np.zeros((5, 8), np.uint8)
    layout = plan_layout(sample, code_length=64, rows_per_shard=500, kind="sparse", signatures=True)
    broken = layout.model_dump()
    broken["blocks"] = [{"begin": 1, "end": 64, "bits": 9}]
    with pytest.raises(ValueError, match="blocks must follow each other"):
        Layout.model_validate(broken)


@pytest.mark.parametrize(
    "blocks",
    [
        [(0, 10**8), (10**8, 200)],
        [(0, 2**45)],
        [(0, 200), (200, 10), (10, 200)],
        [(0, 100), (100, 100), (100, 200)],
        [(0, 100), (110, 200)],
        [(bit, bit + 1) for bit in range(MAX_TABLES)] + [(MAX_TABLES, 200)],
    ],
)
def test_blocks_that_leave_the_code_or_do_not_follow_each_other_are_refused(made, tmp_path, blocks):
    subject = made("with_signatures")
    pieces = [{"begin": begin, "end": end, "bits": 4} for begin, end in blocks]
    count, arrays = subject.arrays["codes"].shape[1], dict(subject.arrays)
    for number in range(len(pieces)):
        arrays[f"block{number}.offsets"] = np.r_[np.zeros(16), count].astype(np.uint32)
        arrays[f"block{number}.positions"] = np.arange(count, dtype=np.uint32)
        arrays[f"block{number}.words"] = np.zeros(count, np.uint64)
    facts = {**subject.facts, "layout": {**subject.facts["layout"], "blocks": pieces}}
    assert_refused(lambda: opened(tmp_path, arrays, facts), "layout: .*block")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code_length", 10**9),
        ("code_length", 10**400),
        ("bit_order", [0] * 64),
        ("bit_order", list(range(5000))),
        ("substrings", [{"word": 10**12, "shift": 0, "bits": 9}]),
        ("substrings", [{"word": 0, "shift": 63 - i, "bits": 1} for i in range(MAX_TABLES + 1)]),
        ("folds", True),
        ("two\nlines", 1),
    ],
)
def test_an_impossible_layout_is_refused_in_one_line(made, tmp_path, field, value):
    subject = made("with_tables")
    facts = {**subject.facts, "layout": {**subject.facts["layout"], field: value}}
    digest = write_array_file(tmp_path / "shard", subject.arrays, facts)
    assert_refused(lambda: indexer.Shard(tmp_path / "shard", digest), "layout: ")
