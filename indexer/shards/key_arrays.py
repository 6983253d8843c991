"""The arrays of the keys in a shard: their bytes by row, and the rows in the order of their ids, for look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import offsets_of
from hashcore.errors import CorruptIndexError, InvalidInputError, brief
from indexer import _native
from indexer.shards.keys import KeySpec, key_array, key_bytes, key_ids, shared_key
from indexer.storage.array_file import Array, ArrayFile
from indexer.structures.base import ENTRIES_AT_ONCE, Arrays, Kinds, check_offsets, damage

if TYPE_CHECKING:
    import pyarrow as pa

OFFSETS, BYTES, ROWS = "keys.offsets", "keys.bytes", "keys.rows"
FACT = "keys"
THREADS = 1  # of a look-up
BYTES_AT_ONCE = 8 << 20  # of keys, while they are verified


def key_arrays(ids: NDArray[np.int64], keys: pa.Array) -> Arrays:
    """Return the arrays of the keys of n rows, in the shard's order, by the ids that they have become, int64 (n,).

    Raises:
        InvalidInputError: If two rows have one id.
    """
    rows = np.argsort(ids).astype(np.uint32)
    ordered = ids[rows]
    if (ordered[1:] == ordered[:-1]).any():
        shared = shared_key(ids, keys)
        assert shared is not None
        raise InvalidInputError(
            f"the key {brief(shared.key)} is there more than once; give each item its own key"
            if shared.is_twice
            else f"the key {brief(shared.key)} and another have one hash; build again with another KeySpec.seed"
        )
    offsets, content = key_bytes(keys)
    short = offsets.astype(np.uint32) if len(content) < 2**32 else offsets
    return {OFFSETS: short, BYTES: content, ROWS: rows}


def key_kinds(file: ArrayFile, rows: int) -> Kinds:
    """Return element and shape of each array of keys; none where the ids are numbers."""
    if FACT not in file.facts:
        return {}
    offsets = np.int64 if file.has(OFFSETS, np.int64) else np.uint32
    return {OFFSETS: (offsets, (rows + 1,)), BYTES: (np.uint8, (-1,)), ROWS: (np.uint32, (rows,))}


def key_spec(file: ArrayFile) -> KeySpec | None:
    """Return how the ids of a shard came of keys, None where they are numbers.

    Raises:
        CorruptIndexError: If the file says it wrongly.
    """
    from pydantic import ValidationError

    if FACT not in file.facts:
        return None
    try:
        return KeySpec.model_validate(file.facts[FACT], strict=True)
    except ValidationError:
        raise CorruptIndexError(
            f"{file.path}: expected keys as type and seed, got {brief(file.facts[FACT])}; restore the file"
        ) from None


def check_base(file: ArrayFile, base: int) -> None:
    """Raise CorruptIndexError if hashes of keys are stored less anything."""
    if FACT in file.facts and base:
        raise CorruptIndexError(f"{file.path}: expected an id_base of 0 with keys, got {base}; restore the file")


def check_keys(file: ArrayFile) -> None:
    """Raise CorruptIndexError if an offset of a key leads outside their bytes, or a row is none."""
    if FACT in file.facts:
        check_offsets(file.path, OFFSETS, file.arrays[OFFSETS], len(file.arrays[BYTES]))
        if file.arrays[ROWS].max(initial=0) >= max(len(file.arrays[ROWS]), 1):
            raise damage(file.path, ROWS, f"rows below {len(file.arrays[ROWS])}", int(file.arrays[ROWS].max()))


def verify_keys(file: ArrayFile) -> None:
    """Raise CorruptIndexError unless each id is the hash of its key, and rows stand in the order of their ids.

    Ids are seen to be unique before, and `check_keys` has passed.
    """
    spec = key_spec(file)
    if spec is None:
        return
    keys, ids, rows = StoredKeys(file, spec), file.arrays["ids"], file.arrays[ROWS]
    for block in _blocks(file.arrays[OFFSETS]):
        if not np.array_equal(key_ids(keys.take(block), spec), ids[block]):
            raise damage(file.path, "ids", "the hashes of the keys", "others")
    for start in range(0, len(ids), ENTRIES_AT_ONCE):
        ordered = ids[rows[start : start + ENTRIES_AT_ONCE + 1]]
        if (ordered[1:] <= ordered[:-1]).any():
            raise damage(file.path, ROWS, "rows in the order of their ids", "others")


def _blocks(offsets: Array) -> Iterator[NDArray[np.int64]]:
    """Yield the rows in blocks, whose keys take some MiB at most; the offsets of the keys rise."""
    start, rows = 0, len(offsets) - 1
    while start < rows:
        most = min(int(offsets[start]) + BYTES_AT_ONCE, int(offsets[-1]))
        stop = int(np.searchsorted(offsets, offsets.dtype.type(most), side="right")) - 1
        stop = min(max(stop, start + 1), start + ENTRIES_AT_ONCE, rows)
        yield np.arange(start, stop)
        start = stop


class StoredKeys:
    """Keys of the rows of a shard's file; read for the rows that are asked for alone.

    Attributes:
        spec: How they became ids.
    """

    def __init__(self, file: ArrayFile, spec: KeySpec) -> None:
        self.spec = spec
        self._path = file.path
        self._ids: Array = file.arrays["ids"]
        self._offsets, self._bytes, self._rows = (file.arrays[name] for name in (OFFSETS, BYTES, ROWS))

    def take(self, rows: NDArray[np.int64]) -> pa.Array:
        """Return the keys of rows of some numbers in the file, shape (n,), as large_string or large_binary.

        Raises:
            CorruptIndexError: If the file leads outside its bytes, or holds texts that are no UTF-8.
        """
        import pyarrow as pa

        starts, ends = self._offsets[rows].astype(np.int64), self._offsets[rows + 1].astype(np.int64)
        if starts.min(initial=0) < 0 or (starts > ends).any() or ends.max(initial=0) > len(self._bytes):
            raise damage(self._path, OFFSETS, "offsets that rise within the bytes of keys", "others")
        self._refuse_overlaps(rows, ends - starts)
        offsets = offsets_of(ends - starts)
        content = np.empty(offsets[-1], np.uint8)
        _native.copy_spans(self._bytes, starts, offsets, content, THREADS)
        try:
            return key_array(offsets, content, self.spec.type)
        except pa.ArrowInvalid:
            raise damage(self._path, BYTES, "texts in UTF-8", "others") from None

    def _refuse_overlaps(self, rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
        """Raise CorruptIndexError if keys of some rows take more bytes than there are, as no keys side by side do."""
        if lengths.sum() > len(self._bytes):
            _, first = np.unique(rows, return_index=True)
            if lengths[first].sum() > len(self._bytes):
                raise damage(self._path, OFFSETS, "offsets of keys side by side", "others")

    def find(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number in the file of the row with each of some ids, int64 of shape (n,); −1 where none has it."""
        found = np.empty(len(wanted), np.int64)
        _native.find_hashed(self._ids, self._rows, np.ascontiguousarray(wanted), found, THREADS)
        found[found == len(self._ids)] = -1
        return found
