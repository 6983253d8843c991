"""Multi-index hash tables of dense codes (Norouzi, Punjani, Fleet 2014): one for each substring of a code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from hashcore.codes import MAX_CODE_LENGTH
from hashcore.hamming import Words
from indexer import _native
from indexer.storage.array_file import ArrayFile
from indexer.structures.base import WORD_BITS, Arrays, Kinds
from indexer.structures.buckets import bucket_arrays, bucket_bytes, bucket_kinds, check_buckets, verify_buckets

MAX_SUBSTRING_BITS = _native.MOST_BUCKET_BITS  # 2^24 offsets take 64 MiB
MAX_TABLES = _native.MOST_BLOCKS  # of substrings or of blocks


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


@dataclass(frozen=True)
class Table:
    """The hash table of one substring.

    The first table's substring is the top of word 0, by which the codes are sorted: its entries are the codes.

    Attributes:
        number: Of the table.
        substring: Its bucket numbers.
        filter_word: The word of a code that stands beside each entry.
    """

    number: int
    substring: Substring
    filter_word: int

    @property
    def name(self) -> str:
        """Prefix of its arrays."""
        return f"table{self.number}"

    def arrays(self, codes: Words, threads: int) -> Arrays:
        """Make its arrays as `Structure.arrays`."""
        of, keys = self.substring, codes[self.substring.word]
        if self.number > 0:
            return bucket_arrays(self.name, keys, codes[self.filter_word], of.shift, of.bits, threads)
        offsets = np.empty(2**of.bits + 1, np.uint32)
        _native.fill_offsets(keys, of.shift, of.bits, offsets)
        return {f"{self.name}.offsets": offsets}

    def kinds(self, _file: ArrayFile, distinct: int) -> Kinds:
        """Return element and shape of each of its arrays."""
        return bucket_kinds(self.name, self.substring.bits, distinct, has_entries=self.number > 0)

    def check(self, file: ArrayFile, distinct: int) -> None:
        """Raise CorruptIndexError if a bucket or an entry leads outside."""
        check_buckets(file, self.name, distinct)

    def verify(self, file: ArrayFile, codes: Words, _threads: int) -> None:
        """Raise as `Structure.verify` if its entries are not those of the codes."""
        of = self.substring
        verify_buckets(file, self.name, codes[of.word], codes[self.filter_word], of.shift, of.bits)

    def building_bytes(self, rows: int) -> int:
        """Return the memory that it takes while a shard is built."""
        return bucket_bytes(rows, self.substring.bits)

    def native(self, file: ArrayFile, codes: Words) -> _native.TableArrays:
        """Return the native table's arguments, for codes of shape (words, n); table 0's entries are these codes."""
        of, arrays, words, positions = self.substring, file.arrays, codes[self.filter_word], None
        if self.number > 0:
            words, positions = arrays[f"{self.name}.words"], arrays[f"{self.name}.positions"]
        return of.word, of.shift, of.bits, self.filter_word, arrays[f"{self.name}.offsets"], words, positions


def tables_of(substrings: Sequence[Substring], words: int) -> tuple[Table, ...]:
    """Return the tables of the substrings of codes of some words.

    Beside an entry stands the word before its substring's, whose bits the bucket does not tell. It also tells whether
    an earlier table, being one of that word, has reported the entry already.
    """
    return tuple(Table(number, of, (of.word - 1) % words) for number, of in enumerate(substrings))


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


def check_substrings(substrings: Sequence[Substring], code_length: int) -> None:
    """Raise ValueError unless substrings are disjoint parts of a code, the first one the top of word 0."""
    taken = [bit for substring in substrings for bit in substring.places]
    if len(set(taken)) != len(taken) or any(bit >= code_length for bit in taken):
        raise ValueError("substrings overlap or leave the code")
    if any(s.shift + s.bits > WORD_BITS for s in substrings):
        raise ValueError("a substring crosses a word")
    if substrings and substrings[0].places[-1] != min(code_length, WORD_BITS) - 1:
        raise ValueError("the first substring must be the top of word 0")
