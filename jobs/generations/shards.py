"""The shards that a task reads: a task that fails names them and their rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from indexer import Index


class Shards(NamedTuple):
    """Some shards of a generation, by their numbers, and the rows of each."""

    root: str
    generation: int
    numbers: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def inputs(self) -> str:
        """Names of the shards and rows, for error messages."""
        shards = zip(self.numbers, self.rows, strict=True)
        return f"{self.root} generation {self.generation} " + ", ".join(
            f"shard {number} rows 0:{rows}" for number, rows in shards
        )

    def open(self) -> Index:
        """Return the generation."""
        import indexer

        return indexer.open(self.root, self.generation)


def shards_of(root: str, index: Index, numbers: Iterable[int]) -> Shards:
    """Return some shards of an index."""
    chosen = tuple(numbers)
    return Shards(root, index.generation, chosen, tuple(index.shards[number].rows for number in chosen))
