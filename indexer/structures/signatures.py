"""Block signatures of sparse codes: multi-index hashing on sets, one table for each block of bits.

The signature of a block is the XOR of its set bits' random words. A flipped bit costs one XOR.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hashcore.codes import MAX_CODE_LENGTH
from hashcore.hamming import Words
from indexer import _native
from indexer.storage.array_file import ArrayFile
from indexer.structures.base import Arrays, Kinds
from indexer.structures.bit_order import entropies
from indexer.structures.buckets import bucket_arrays, bucket_bytes, bucket_kinds, check_buckets, verify_buckets

MAX_BLOCKS = 8
MAX_SIGNATURE_BITS = _native.MOST_BUCKET_BITS
ENTRIES_PER_BUCKET = 4  # they lie in one line of cache, and a quarter of the offsets stays nearer


class Block(BaseModel):
    """The bits `begin`..`end` of the stored code; the XOR of their set bits' words, of `bits` bits, is the bucket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: int = Field(ge=0)
    end: int = Field(le=MAX_CODE_LENGTH)
    bits: int = Field(ge=1, le=MAX_SIGNATURE_BITS)

    @model_validator(mode="after")
    def _has_bits(self) -> Block:
        if self.begin >= self.end:
            raise ValueError("a block must end after it begins")
        return self


@dataclass(frozen=True)
class Signatures:
    """The table of one block's signatures; the fold of a code stands beside its entry.

    Attributes:
        number: Of the block.
        block: Its bits.
    """

    number: int
    block: Block

    @property
    def name(self) -> str:
        """Prefix of its arrays."""
        return f"block{self.number}"

    def arrays(self, codes: Words, threads: int) -> Arrays:
        """Make its arrays as `Structure.arrays`."""
        return bucket_arrays(self.name, self._sign(codes, threads), _folds(codes), 0, self.block.bits, threads)

    def kinds(self, _file: ArrayFile, distinct: int) -> Kinds:
        """Return element and shape of each of its arrays."""
        return bucket_kinds(self.name, self.block.bits, distinct)

    def check(self, file: ArrayFile, distinct: int) -> None:
        """Raise CorruptIndexError if a bucket or an entry leads outside."""
        check_buckets(file, self.name, distinct)

    def verify(self, file: ArrayFile, codes: Words, threads: int) -> None:
        """Raise as `Structure.verify` if its entries are not those of the codes' signatures."""
        verify_buckets(file, self.name, self._sign(codes, threads), _folds(codes), 0, self.block.bits)

    def building_bytes(self, rows: int) -> int:
        """Return the memory that it takes while a shard is built."""
        return bucket_bytes(rows, self.block.bits)

    def native(self, file: ArrayFile) -> _native.BlockArrays:
        """Return the arguments of the native table."""
        offsets, words, positions = (file.arrays[f"{self.name}.{part}"] for part in ("offsets", "words", "positions"))
        return self.block.begin, self.block.end, self.block.bits, offsets, words, positions

    def _sign(self, codes: Words, threads: int) -> Words:
        """Return the signature of each code's block, shape (distinct,)."""
        keys = np.empty(codes.shape[1], np.uint64)
        _native.sign(codes, self.block.begin, self.block.end, self.block.bits, keys, threads)
        return keys


def _folds(codes: Words) -> Words:
    """Return the fold of each code, shape (distinct,)."""
    folds: Words = np.bitwise_xor.reduce(codes, axis=0)
    return folds


def check_blocks(blocks: Sequence[Block], code_length: int) -> None:
    """Raise ValueError unless blocks, where there are any, follow each other through a whole code."""
    edges = [0, *(edge for block in blocks for edge in (block.begin, block.end)), code_length]
    if blocks and edges[::2] != edges[1::2]:
        raise ValueError("blocks must follow each other through the whole code, without substrings")


def plan_blocks(bits: NDArray[np.uint8], rows: int) -> tuple[tuple[int, ...], tuple[Block, ...]]:
    """Choose blocks whose bits hold about log2(rows) bits of entropy each, as the substrings of a dense code do.

    Args:
        bits: Sampled codes, 0/1, shape (n, code_length).
        rows: Rows that a shard will hold.

    Returns:
        The order of the bits in a stored code, and the blocks of it.
    """
    entropy = entropies(bits)
    wanted_bits = max(math.log2(max(rows, 2)), 8)
    count = min(max(math.ceil(entropy.sum() / wanted_bits), 1), MAX_BLOCKS, bits.shape[1])
    members: list[list[int]] = [[] for _ in range(count)]
    load = np.zeros(count)
    for bit in np.argsort(-entropy, kind="stable"):
        least = int(np.argmin(load))
        members[least].append(int(bit))
        load[least] += entropy[bit]
    ends = np.cumsum([len(block) for block in members])
    signature_bits = min(max(round(wanted_bits - math.log2(ENTRIES_PER_BUCKET)), 4), MAX_SIGNATURE_BITS)
    blocks = tuple(
        Block(begin=int(end) - len(block), end=int(end), bits=signature_bits)
        for block, end in zip(members, ends, strict=True)
    )
    return tuple(bit for block in members for bit in sorted(block)), blocks
