"""Files of codes and of structures over them: what these keep passes their own checks, and no other value does."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.codes import pack
from hashcore.errors import CorruptIndexError
from hashcore.hamming import to_columns
from indexer.storage.array_file import ArrayFile, write_array_file
from indexer.structures.folds import class_keys

THREADS = 2


def drawn(code_length, *, share=0.5, count=300, seed=0):
    """Distinct codes as words, uint64 of shape (words, n), rising by word 0, word 1, …"""
    bits = np.random.default_rng([seed, code_length]).random((count, code_length)) < share
    words = to_columns(pack(np.unique(bits, axis=0)))
    return np.ascontiguousarray(words[:, np.lexsort(words[::-1])])


def in_class_order(codes):
    """Put codes in the order in which a shard with a fold table has them."""
    return np.ascontiguousarray(codes[:, np.argsort(class_keys(codes, THREADS)[0], kind="stable")])


def bits_of(codes, code_length):
    """Return the bits of codes, 0/1 of shape (n, code_length)."""
    return np.unpackbits(codes.T.copy().view(np.uint8), axis=1, bitorder="little")[:, :code_length]


def stored(folder, codes, *structures):
    """Write codes and the arrays of structures over them, and open the file."""
    arrays = {"codes": codes}
    for structure in structures:
        arrays |= structure.arrays(codes, THREADS)
    return ArrayFile(folder / "file", write_array_file(folder / "file", arrays, {}))


def look_over(file, codes, structures):
    """Check structures as a shard's are, from the shapes of their arrays to every value."""
    for structure in structures:
        for name, (element, shape) in structure.kinds(file, codes.shape[1]).items():
            file.array(name, element, shape)
        structure.check(file, codes.shape[1])
        structure.verify(file, codes, THREADS)


def assert_keeps_and_refuses(folder, codes, *structures, unread=()):
    """Assert that what structures keep passes, and that one changed value of each array does not.

    Args:
        folder: To write a file in.
        codes: Words of shape (words, n), in the order of the structures.
        structures: Together; one may need another's arrays.
        unread: Arrays by name, with the values at their end that nothing reads.
    """
    file, dice = stored(folder, codes, *structures), np.random.default_rng(1)
    kept = [name for structure in structures for name in structure.kinds(file, codes.shape[1])]
    assert set(kept) == set(file.arrays) - {"codes"} and all(file.arrays[name].size for name in kept)
    look_over(file, codes, structures)
    for name in kept:
        sound = file.arrays[name]
        for place in dice.integers(0, sound.size - dict(unread).get(name, 0), 5):
            file.arrays[name] = sound.copy()
            file.arrays[name].flat[place] ^= sound.dtype.type(1)
            with pytest.raises(CorruptIndexError, match=r"array|classes"):
                look_over(file, codes, structures)
        file.arrays[name] = sound
