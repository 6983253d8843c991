"""The layout of a shard: the order of its bits, and the specification of each structure that is kept over its codes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hashcore.codes import MAX_CODE_LENGTH, check_code_length
from hashcore.errors import InvalidInputError, brief
from indexer.structures.base import WORD_BITS, Structure
from indexer.structures.folds import Folds
from indexer.structures.lists import Lists
from indexer.structures.signatures import Block, Signatures, check_blocks
from indexer.structures.tables import MAX_TABLES, Substring, Table, check_substrings, tables_of

SCAN_BELOW = 50_000  # a scan of so few codes takes a few microseconds, less than looking up the buckets


class Layout(BaseModel):
    """Arrangement of the codes of a shard, and the structures over them.

    Attributes:
        code_length: Bits of a code.
        bit_order: Bit p of a stored code is bit bit_order[p] of the code; a permutation of 0..code_length − 1.
        substrings: Disjoint substrings of the stored code, one a table. The first one is the top of word 0, by which
            the codes are sorted, so that its table needs no copy of them.
        scan_below: A shard of fewer distinct codes gets no tables.
        folds: Whether codes are sparse: they stand in the order of their numbers of set bits, with a fold table.
        blocks: Of sparse codes, blocks of the stored code whose signatures are the buckets of more tables.
        lists: Of sparse codes, whether there are inverted lists over the set bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code_length: int
    bit_order: tuple[int, ...] = Field(max_length=MAX_CODE_LENGTH)
    substrings: tuple[Substring, ...] = Field(max_length=MAX_TABLES)
    scan_below: int = SCAN_BELOW
    folds: bool = False
    blocks: tuple[Block, ...] = Field(default=(), max_length=MAX_TABLES)
    lists: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> Layout:
        check_code_length(self.code_length)
        if sorted(self.bit_order) != list(range(self.code_length)):
            raise ValueError("bit_order is not a permutation of the bits of a code")
        check_substrings(self.substrings, self.code_length)
        check_blocks(self.blocks, self.code_length)
        if (self.blocks or self.lists) and not self.folds:
            raise ValueError("blocks and lists need a fold table")
        if self.folds and self.substrings:
            raise ValueError("codes with a fold table have no substrings")
        return self

    def has_structures(self, distinct: int) -> bool:
        """Return whether a shard of so many distinct codes keeps structures; else a scan is cheaper."""
        return distinct >= self.scan_below

    @property
    def structures(self) -> tuple[Structure, ...]:
        """The structures of a shard of `scan_below` distinct codes or more, in the order of their arrays."""
        if not self.folds:
            return self.tables
        lists = (Lists(self.code_length),) if self.lists else ()
        return Folds(self.code_length), *lists, *self.signatures

    @property
    def tables(self) -> tuple[Table, ...]:
        """The hash tables of the substrings."""
        return tables_of(self.substrings, self.words)

    @property
    def signatures(self) -> tuple[Signatures, ...]:
        """The tables of the blocks' signatures."""
        return tuple(Signatures(number, block) for number, block in enumerate(self.blocks))

    @property
    def words(self) -> int:
        """64-bit words of a code."""
        return -(-self.code_length // WORD_BITS)

    @property
    def first_word_bits(self) -> int:
        """Bits of word 0 that a code uses."""
        return min(self.code_length, WORD_BITS)

    @property
    def keeps_bit_order(self) -> bool:
        """Whether codes are stored with their bits as they come."""
        return self.bit_order == tuple(range(self.code_length))


def check_layout(layout: object) -> Layout:
    """Return a layout if it is one, else raise InvalidInputError."""
    if not isinstance(layout, Layout):
        raise InvalidInputError(f"layout is a {type(layout).__name__}; give what indexer.plan_layout returns")
    return layout


def first_problem(error: ValidationError) -> str:
    """Return on one line what is wrong first with fields that a file holds."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return brief(f"{where}: {first['msg']}" if where else first["msg"], 300).strip("'\"")
