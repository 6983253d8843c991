"""The layout of a shard: the order of its bits, and which of them are the substrings of its hash tables."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hashcore.arguments import check_whole
from hashcore.codes import MAX_CODE_LENGTH, Codes, Kind, check_code_length, check_codes, check_kind, unpack
from hashcore.errors import InvalidInputError, brief
from indexer.structures.fold_order import WORD_BITS, plan_order
from indexer.structures.signature_blocks import Block, plan_blocks

MAX_SUBSTRING_BITS = 24  # 2^24 offsets take 64 MiB
MAX_TABLES = 12  # of substrings or of blocks: most_blocks in native/sparse/signatures.hpp
SCAN_BELOW = 50_000  # a scan of so few codes takes a few microseconds, less than looking up the buckets
SPARSE_SCAN_BELOW = 1_000  # the fold table of few codes fits into the cache
MAX_LISTED_SHARE = 1 / 16  # of set bits: beyond, lists take more room than the codes and are slower than a scan
SAMPLE_CODES = 20_000


class Substring(BaseModel):
    """The bits `shift`..`shift + bits` of 64-bit word `word`: the bucket number of one table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: int = Field(ge=0, lt=MAX_CODE_LENGTH // WORD_BITS)
    shift: int = Field(ge=0, lt=WORD_BITS)
    bits: int = Field(ge=1, le=MAX_SUBSTRING_BITS)

    @property
    def places(self) -> range:
        """Its bits as bits of the stored code, ascending."""
        start = WORD_BITS * self.word + self.shift
        return range(start, start + self.bits)


class Layout(BaseModel):
    """How the codes of every shard of a generation are arranged.

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
        taken = [bit for substring in self.substrings for bit in substring.places]
        if len(set(taken)) != len(taken) or any(bit >= self.code_length for bit in taken):
            raise ValueError("substrings overlap or leave the code")
        if any(s.shift + s.bits > WORD_BITS for s in self.substrings):
            raise ValueError("a substring crosses a word")
        if self.substrings and self.substrings[0].places[-1] != self.first_word_bits - 1:
            raise ValueError("the first substring must be the top of word 0")
        edges = [0, *(edge for block in self.blocks for edge in (block.begin, block.end)), self.code_length]
        if self.blocks and (edges[::2] != edges[1::2] or self.substrings):
            raise ValueError("blocks must follow each other through the whole code, without substrings")
        if (self.blocks or self.lists) and not self.folds:
            raise ValueError("blocks and lists need a fold table")
        if self.folds and self.substrings:
            raise ValueError("codes with a fold table have no substrings")
        return self

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

    def filter_word(self, substring: Substring) -> int:
        """Return the word stored beside each entry of a table: the one before, whose bits the bucket does not tell.

        It also tells whether a table of that word, being an earlier one, has reported the entry already.
        """
        return (substring.word - 1) % self.words


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


def plan_layout(
    sample: Codes,
    *,
    code_length: int,
    rows_per_shard: int,
    scan_below: int | None = None,
    kind: Kind = "dense",
    signatures: bool = False,
) -> Layout:
    """Choose the substrings or blocks to index, and a bit order that fills their buckets evenly.

    Dense codes get substrings of about log2(rows_per_shard) bits; sparse and ternary ones a fold table and inverted
    lists and, if asked for, blocks of about as many bits of entropy.

    Args:
        sample: Some codes of the corpus, shape (n, bytes); the more of them, the better the choice.
        code_length: Bits of a code.
        rows_per_shard: Rows that a shard will hold.
        scan_below: A shard of fewer distinct codes gets no tables; None takes what suits the kind.
        kind: Of the codes.
        signatures: Whether sparse codes get tables of block signatures, too: they answer medium radii sooner, in 12
            bytes a distinct code and block.

    Returns:
        The layout; any layout gives exact answers, a good one gives them sooner.
    """
    code_length, rows_per_shard = check_code_length(code_length), check_whole(rows_per_shard, "rows_per_shard", 1)
    scan_below = None if scan_below is None else check_whole(scan_below, "scan_below", 0)
    bits = unpack(check_codes(sample, code_length, "sample")[:SAMPLE_CODES], code_length)
    if check_kind(kind) != "dense":
        order, blocks = plan_blocks(bits, rows_per_shard) if signatures else (plan_order(bits), ())
        return Layout(
            code_length=code_length,
            bit_order=order,
            substrings=(),
            scan_below=SPARSE_SCAN_BELOW if scan_below is None else scan_below,
            folds=True,
            blocks=blocks,
            lists=bool(bits.mean() <= MAX_LISTED_SHARE) if len(bits) else True,
        )
    substrings = substrings_for(code_length, rows_per_shard)
    return Layout(
        code_length=code_length,
        bit_order=_decorrelating_order(bits, substrings),
        substrings=substrings,
        scan_below=SCAN_BELOW if scan_below is None else scan_below,
    )


def substrings_for(code_length: int, rows: int) -> tuple[Substring, ...]:
    """Cut each word of a code into substrings of about log2(rows) bits, from the top."""
    wanted_bits = min(max(math.log2(max(rows, 2)), 8), MAX_SUBSTRING_BITS)
    substrings: list[Substring] = []
    for word in range(-(-code_length // WORD_BITS)):
        word_bits = min(code_length - WORD_BITS * word, WORD_BITS)
        pieces = max(round(word_bits / wanted_bits), 1 if word == 0 else 0)
        top = word_bits
        for piece in range(pieces):
            bits = min(math.ceil(top / (pieces - piece)), MAX_SUBSTRING_BITS)
            substrings.append(Substring(word=word, shift=top - bits, bits=bits))
            top -= bits
    return tuple(substrings[:MAX_TABLES])


def _decorrelating_order(bits: NDArray[np.uint8], substrings: tuple[Substring, ...]) -> tuple[int, ...]:
    """Deal the bits to the substrings so that those of one substring tell as little as possible about each other.

    Correlated bits in one substring crowd its entries into few buckets. As in the greedy reordering of Norouzi et al.'s
    MIH implementation, each substring in turn takes the bit that correlates least with those it has.
    """
    code_length = bits.shape[1]
    places = [list(substring.places) for substring in substrings]
    correlation = _absolute_correlation(bits)
    if len(bits) < 2 or correlation.max(initial=0.0) < 0.1:
        return tuple(range(code_length))
    order = np.full(code_length, -1)
    free = np.ones(code_length, bool)
    load = np.zeros((len(places), code_length))  # load[t, b]: correlation of bit b with those of substring t
    while any(places):
        for substring, left in enumerate(places):
            if not left:
                continue
            bit = int(np.argmin(np.where(free, load[substring], np.inf)))
            order[left.pop()] = bit
            free[bit] = False
            load[substring] += correlation[bit] ** 2
    order[order < 0] = np.flatnonzero(free)
    return tuple(int(bit) for bit in order)


def _absolute_correlation(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the absolute correlation of every pair of bits, 1 with a constant bit, 0 on the diagonal."""
    count, ones = len(bits), bits.sum(axis=0, dtype=np.int64)
    padded = np.pad(bits.T, ((0, 0), (0, -count % 64)))  # whole numbers: the same layout on every machine
    packed = np.ascontiguousarray(np.packbits(padded, axis=1)).view(np.uint64)
    common = np.stack([np.bitwise_count(packed & row).sum(axis=1, dtype=np.int64) for row in packed])
    spread = ones * (count - ones)  # count² times the variance
    constant = spread == 0
    spread[constant] = 1
    covariance = count * common - ones[:, None] * ones[None]
    correlation: NDArray[np.float64] = np.abs(covariance) / np.sqrt(spread[:, None] * spread[None].astype(np.float64))
    correlation[constant, :] = correlation[:, constant] = 1
    np.fill_diagonal(correlation, 0)
    return correlation
