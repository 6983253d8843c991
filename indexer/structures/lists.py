"""Inverted lists of sparse codes: for each set bit the codes that have it, grouped by number of set bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashcore.hamming import Words
from indexer import _native
from indexer.storage.array_file import ArrayFile
from indexer.structures.base import WORD_BITS, Arrays, Kinds, damage
from indexer.structures.folds import Classes, classes_of, hash_folds, read_classes, stored_classes

MAX_LISTED_SHARE = 1 / 16  # of set bits: beyond, lists take more room than the codes and are slower than a scan


@dataclass(frozen=True)
class Lists:
    """The inverted lists.

    Attributes:
        code_length: Bits of a code, each of which has a list.
    """

    code_length: int

    def arrays(self, codes: Words, threads: int) -> Arrays:
        """Make its arrays as `Structure.arrays`, from codes in the order of the fold table."""
        return _lists(codes, classes_of(hash_folds(codes, threads)[0]), self.code_length, threads)

    def kinds(self, file: ArrayFile, distinct: int) -> Kinds:
        """Return element and shape of each of its arrays."""
        classes = len(read_classes(file, self.code_length, distinct).sizes)
        return {
            "lists.counts": (np.uint32, (self.code_length, classes)),
            "lists.offsets": (np.int64, (self.code_length * classes,)),
            "lists.bytes": (np.uint8, (-1,)),
        }

    def check(self, file: ArrayFile, _distinct: int) -> None:
        """Raise CorruptIndexError if a list leaves its array, or its positions their class."""
        offsets, counts = file.arrays["lists.offsets"], file.arrays["lists.counts"]
        damaged = _native.first_damaged_list(*stored_classes(file), offsets, counts, file.arrays["lists.bytes"])
        if damaged < counts.size:
            raise damage(file.path, "lists.bytes", "lists within their array and class", f"list {damaged}")

    def verify(self, file: ArrayFile, codes: Words, threads: int) -> None:
        """Raise as `Structure.verify` if its lists are not those of the codes; made anew some words at a time."""
        classes, postings = stored_classes(file), file.arrays["lists.bytes"]
        first, end = 0, 0
        for word in range(0, len(codes), threads):
            tokens = min(threads * WORD_BITS, self.code_length - word * WORD_BITS)
            made = _lists(codes[word : word + threads], classes, tokens, threads)
            lists = slice(first, first + len(made["lists.offsets"]))
            begin, end, first = end, end + len(made["lists.bytes"]), lists.stop
            for name, held, expected in (
                ("lists.counts", file.arrays["lists.counts"].reshape(-1)[lists], made["lists.counts"].reshape(-1)),
                ("lists.offsets", file.arrays["lists.offsets"][lists], made["lists.offsets"] + begin),
                ("lists.bytes", postings[begin:end], made["lists.bytes"]),
            ):
                if not np.array_equal(held, expected):
                    raise damage(file.path, name, f"the lists of its codes' bits from {word * WORD_BITS} on", "others")
        if end != len(postings):
            raise damage(file.path, "lists.bytes", f"{end} bytes", len(postings))

    def building_bytes(self, rows: int) -> int:
        """Return the memory of four bytes a posting, of which sparse codes have few."""
        return 4 * rows * self.code_length // 8

    def native(self, file: ArrayFile) -> _native.ListArrays:
        """Return the arguments of the native lists."""
        return file.arrays["lists.offsets"], file.arrays["lists.counts"].reshape(-1), file.arrays["lists.bytes"]


def _lists(codes: Words, classes: Classes, tokens: int, threads: int) -> Arrays:
    """Return the inverted lists: of every token, and within it of every class."""
    shape = (tokens, len(classes.sizes))
    counts, lengths = np.empty(shape, np.uint32), np.empty(shape, np.int64)
    _native.measure_lists(codes, *classes, counts, lengths, threads)
    offsets = np.cumsum(lengths) - lengths.ravel()
    postings = np.zeros(int(lengths.sum()), np.uint8)
    _native.fill_lists(codes, *classes, offsets, counts, postings, threads)
    return {"lists.offsets": offsets, "lists.counts": counts, "lists.bytes": postings}
