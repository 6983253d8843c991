"""Count the different codes of a whole index, exactly and in bounded memory, without a shuffle.

A shard knows its own distinct codes, but one code may lie in many shards. So codes are divided by a hash into parts,
and each task collects its part of every shard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes, code_bytes

if TYPE_CHECKING:
    from indexer import Index

PART_BYTES = 256 << 20
FNV_PRIME = np.uint64(0x100000001B3)


@dataclass(frozen=True)
class Part:
    """One of `parts` divisions of all possible codes, in one generation of an index."""

    root: str
    generation: int
    part: int
    parts: int

    @property
    def inputs(self) -> str:
        """Names of its inputs, for error messages."""
        return f"{self.root} generation {self.generation} all shards"


def parts_of(root: str, index: Index, part_bytes: int = PART_BYTES) -> list[Part]:
    """Return as many parts as hold each about so many bytes of codes."""
    distinct = sum(shard.distinct for shard in index.shards)
    parts = -(-distinct * code_bytes(index.code_length) // part_bytes)
    return [Part(root, index.generation, part, parts) for part in range(parts)]


def count_part(task: Part) -> int:
    """Return the number of different codes in a part."""
    import indexer

    index = indexer.open(task.root, task.generation)
    shards = (index.open_shard(number).contents.codes() for number in range(len(index.shards)))
    mine = [np.unique(_as_values(codes[part_of(codes, task.parts) == task.part])) for codes in shards]
    return len(np.unique(np.concatenate(mine)))


def part_of(codes: Codes, parts: int) -> NDArray[np.uint64]:
    """Return for each code the part it belongs to, 0 … parts − 1."""
    mixed = np.full(len(codes), np.uint64(0xCBF29CE484222325))
    for column in codes.T:
        mixed = (mixed ^ column) * FNV_PRIME
    return (mixed >> np.uint64(32)) % np.uint64(parts)


def _as_values(codes: Codes) -> NDArray[Any]:
    """Return each code as one value that numpy can sort."""
    return np.ascontiguousarray(codes).view(f"V{codes.shape[1]}").reshape(len(codes))
