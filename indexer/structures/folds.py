"""The fold table of sparse codes: codes by number of set bits, and within a number by a hash of their fold.

A fold is the XOR of a code's 64-bit words. Two codes within r bits have folds within r bits of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import CorruptIndexError
from hashcore.hamming import Words
from indexer import _native
from indexer.storage.array_file import ArrayFile
from indexer.structures.base import ENTRIES_AT_ONCE, WORD_BITS, Arrays, Kinds, check_offsets, check_order, damage

ORDER_BITS, BUCKETS_PER_GROUP = _native.ORDER_BITS, _native.BUCKETS_PER_GROUP
TAG_PADDING = _native.TAGS_READ_AT_ONCE - 1


class Classes(NamedTuple):
    """Numbers of set bits that occur, and where the codes that have them begin; one more start is their end."""

    sizes: NDArray[np.uint32]
    starts: NDArray[np.uint32]


@dataclass(frozen=True)
class Folds:
    """The fold table, and the classes of codes with equal numbers of set bits.

    Attributes:
        code_length: Bits of a code.
    """

    code_length: int

    def arrays(self, codes: Words, threads: int) -> Arrays:
        """Make its arrays as `Structure.arrays`, from codes in the order of `class_keys`."""
        sizes, hashes = hash_folds(codes, threads)
        classes = classes_of(sizes)
        return {"classes.sizes": classes.sizes, "classes.starts": classes.starts, **_table(classes, hashes)}

    def kinds(self, file: ArrayFile, distinct: int) -> Kinds:
        """Return element and shape of each of its arrays; looks at the classes, a few thousand numbers."""
        classes = read_classes(file, self.code_length, distinct)
        groups = _native.count_groups(*classes)
        return {
            "classes.sizes": (np.uint32, (len(classes.sizes),)),
            "classes.starts": (np.uint32, (len(classes.sizes) + 1,)),
            "folds.offsets": (np.uint32, (groups + 1,)),
            "folds.before": (np.uint8, (groups * BUCKETS_PER_GROUP,)),
            "folds.tags": (np.uint8, (distinct + TAG_PADDING,)),
        }

    def check(self, file: ArrayFile, distinct: int) -> None:
        """Raise CorruptIndexError if a group leads outside, or a bucket lies outside its group."""
        offsets, before = file.arrays["folds.offsets"], file.arrays["folds.before"]
        check_offsets(file.path, "folds.offsets", offsets, distinct)
        most = np.minimum(np.diff(offsets), _native.MANY_BEFORE)
        if (before.reshape(-1, BUCKETS_PER_GROUP) > most[:, None]).any():
            raise damage(file.path, "folds.before", "buckets within their groups", "more codes before one")

    def verify(self, file: ArrayFile, codes: Words, threads: int) -> None:
        """Raise as `Structure.verify` if classes or table are not those of the codes; padding of tags is left alone."""
        sizes, hashes = hash_folds(codes, threads)
        classes = stored_classes(file)
        if not np.array_equal(np.repeat(classes.sizes, np.diff(classes.starts)), sizes):
            raise damage(file.path, "classes.sizes", "the numbers of set bits of its codes", "others")
        for name, expected in _table(classes, hashes).items():
            end = len(hashes) if name == "folds.tags" else len(expected)
            if not np.array_equal(file.arrays[name][:end], expected[:end]):
                raise damage(file.path, name, "the table of its codes' folds", "another")

    def building_bytes(self, rows: int) -> int:
        """Return the memory of hashes, sizes and the bytes of a table."""
        return 16 * rows

    def native(self, file: ArrayFile) -> _native.FoldArrays:
        """Return the arguments of the native fold table."""
        arrays = file.arrays
        return *stored_classes(file), arrays["folds.offsets"], arrays["folds.before"], arrays["folds.tags"]


def hash_folds(codes: Words, threads: int) -> tuple[NDArray[np.uint32], Words]:
    """Return the number of set bits of each code, and a hash of its fold; both of shape (distinct,)."""
    sizes, hashes = np.empty(codes.shape[1], np.uint32), np.empty(codes.shape[1], np.uint64)
    _native.hash_folds(codes, sizes, hashes, threads)
    return sizes, hashes


def class_keys(codes: Words, threads: int) -> tuple[Words, int]:
    """Return keys that put codes in the order of their numbers of set bits, and within it in that of their hashes.

    Returns:
        The keys, shape (n,), spread evenly over as many bits as they take; and how many these are.
    """
    sizes, hashes = hash_folds(codes, threads)
    counts = np.bincount(sizes).astype(np.uint64)
    starts = np.cumsum(counts) - counts
    keys = (starts[sizes] << np.uint64(ORDER_BITS)) + counts[sizes] * (hashes >> np.uint64(64 - ORDER_BITS))
    return keys, ORDER_BITS + len(sizes).bit_length()


def verify_class_order(file: ArrayFile, codes: Words, threads: int) -> None:
    """Raise CorruptIndexError unless codes, uint64 of shape (words, n), are in the order of `class_keys`."""
    sizes, hashes = hash_folds(codes, threads)
    for start in range(0, len(sizes), ENTRIES_AT_ONCE):
        part = slice(start, start + ENTRIES_AT_ONCE + 1)
        keys = hashes[part] >> np.uint64(WORD_BITS - ORDER_BITS)
        check_order(file, np.stack([sizes[part].astype(np.uint64), keys, *codes[:, part]]), start)


def classes_of(sizes: NDArray[np.uint32]) -> Classes:
    """Return the classes of codes whose numbers of set bits rise, shape (distinct,)."""
    present, first = np.unique(sizes, return_index=True)
    return Classes(present.astype(np.uint32), np.append(first, len(sizes)).astype(np.uint32))


def stored_classes(file: ArrayFile) -> Classes:
    """Return the classes in a file: sizes, shape (classes,), and starts, shape (classes + 1,), as they are there."""
    return Classes(file.arrays["classes.sizes"], file.arrays["classes.starts"])


def read_classes(file: ArrayFile, code_length: int, distinct: int) -> Classes:
    """Return the classes of a shard's codes, sizes of shape (classes,) and starts of shape (classes + 1,), checked.

    Raises:
        CorruptIndexError: If numbers of set bits do not rise, or a class has no codes.
    """
    sizes = file.array("classes.sizes", np.uint32, (-1,))
    starts = file.array("classes.starts", np.uint32, (len(sizes) + 1,))
    are_sizes = (sizes[1:] > sizes[:-1]).all() and sizes.max(initial=0) <= code_length
    if not are_sizes or starts[0] != 0 or starts[-1] != distinct or (starts[1:] <= starts[:-1]).any():
        raise CorruptIndexError(
            f"{file.path}: classes: expected rising numbers of up to {code_length} set bits, each of some of "
            f"{distinct} codes, got others; restore the file"
        )
    return Classes(sizes, starts)


def _table(classes: Classes, hashes: Words) -> Arrays:
    """Return where each group begins, and each bucket in it, and a byte of each code's hash."""
    groups = _native.count_groups(*classes)
    offsets, before = np.empty(groups + 1, np.uint32), np.empty(groups * BUCKETS_PER_GROUP, np.uint8)
    tags = np.empty(len(hashes) + TAG_PADDING, np.uint8)
    _native.fill_folds(*classes, hashes, offsets, before, tags)
    return {"folds.offsets": offsets, "folds.before": before, "folds.tags": tags}
