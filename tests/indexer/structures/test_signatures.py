"""Block signatures: equal blocks share a bucket, and a changed value of any array is found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from lying_shards import opened
from structure_files import assert_keeps_and_refuses, bits_of, drawn, stored

from indexer.structures.bit_order import entropies
from indexer.structures.signatures import Block, Signatures, plan_blocks


def test_blocks_of_signatures_hold_about_equal_entropy():
    rng = np.random.default_rng(2)
    bits = (rng.random((4_000, 200)) < rng.permutation(np.linspace(0.001, 0.4, 200))).astype(np.uint8)
    order, blocks = plan_blocks(bits, 1 << 20)
    assert sorted(order) == list(range(200))
    assert [block.begin for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert (blocks[0].begin, blocks[-1].end) == (0, 200)
    loads = [entropies(bits)[list(order[block.begin : block.end])].sum() for block in blocks]
    assert max(loads) - min(loads) <= entropies(bits).max()


def test_entries_may_stand_in_any_order_within_a_bucket(made, tmp_path):
    subject = made("with_signatures")
    offsets, arrays = subject.arrays["block0.offsets"], dict(subject.arrays)
    order = np.concatenate([np.arange(b, e)[::-1] for b, e in itertools.pairwise(offsets)])
    assert (order != np.arange(len(order))).any()
    for array in ("block0.positions", "block0.words"):
        arrays[array] = arrays[array][order]
    opened(tmp_path, arrays, subject.facts).contents.verify()


BLOCKS = (Block(begin=0, end=30, bits=5), Block(begin=30, end=110, bits=9), Block(begin=110, end=200, bits=7))
TABLES = [Signatures(number, block) for number, block in enumerate(BLOCKS)]


def test_signatures_pass_their_own_checks_and_a_changed_value_of_any_array_does_not(tmp_path):
    assert_keeps_and_refuses(tmp_path, drawn(200, share=0.1), *TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_codes_with_equal_bits_of_a_block_share_its_bucket_and_a_flipped_bit_leaves_it(tmp_path, table):
    codes = drawn(200, share=0.02)
    arrays = stored(tmp_path, codes, table).arrays
    offsets, positions, words = (arrays[f"{table.name}.{part}"] for part in ("offsets", "positions", "words"))
    bits = bits_of(codes, 200)[:, table.block.begin : table.block.end]
    bucket = np.empty(len(bits), int)
    bucket[positions] = np.repeat(np.arange(2**table.block.bits), np.diff(offsets))
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    same = bucket[:, None] == bucket[None]
    assert same[apart == 0].all() and (apart == 0).sum() > len(bits)
    assert same[apart == 1].mean() < 0.2
    assert np.array_equal(words, np.bitwise_xor.reduce(codes)[positions])
