"""Blocks of a sparse code: which bits stand together, so that each block's signature tells the codes apart."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hashcore.codes import MAX_CODE_LENGTH
from indexer.structures.fold_order import entropies

MAX_BLOCKS = 8
MAX_SIGNATURE_BITS = 24
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
