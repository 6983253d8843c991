"""Building one shard: rows sorted and grouped by distinct code, and the structures of its layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array
from hashcore.codes import Codes, check_codes
from hashcore.errors import InvalidInputError
from hashcore.hamming import Words, to_columns
from hashcore.labels import Labels, check_labels
from hashcore.machine.processors import check_threads
from indexer import _native
from indexer.shards.checks import kept_structures
from indexer.shards.entry import ShardEntry
from indexer.shards.key_arrays import FACT, key_arrays
from indexer.shards.keys import Ids, Items, KeySpec, items_of
from indexer.storage.array_file import WITH_KEYS, WITH_NUMBERS, write_array_file
from indexer.storage.store import Store
from indexer.structures.base import Arrays
from indexer.structures.folds import class_keys
from indexer.structures.layout import Layout, check_layout

ROWS_PER_SHARD = 64_000_000
MAX_ROWS = 2**32 - 1  # rows and distinct codes are numbered by 32 bits

BitOrder = NDArray[np.uint16]


def build_shard(
    store: Store,
    ids: Ids,
    codes: Codes,
    labels: Labels | None,
    *,
    layout: Layout,
    keys: KeySpec | None = None,
    threads: int = 0,
) -> ShardEntry:
    """Write one shard and return its entry for a manifest.

    The shard's name is its content: building it again writes the same file.

    Args:
        store: Where to.
        ids: int64, shape (n,), each once; or keys.
        codes: Shape (n, bytes).
        labels: Labels of the n rows, or None.
        layout: The layout that all shards of the generation share.
        keys: How keys become ids; None where ids are numbers.
        threads: Threads to use; 0 takes every processor this process may run on.

    Raises:
        InvalidInputError: If shapes differ, or there are no rows or more than 2³² − 1.
    """
    codes = check_codes(codes, check_layout(layout).code_length)
    items = _check_ids(ids, keys, len(codes))
    labels = check_labelled(labels, len(codes))
    arrays, facts = arrange(items, codes, labels, layout, check_threads(threads), keys)
    path = store.new_file()
    try:
        digest = write_array_file(path, arrays, facts, version=WITH_KEYS if keys else WITH_NUMBERS)
        entry = ShardEntry(
            digest=digest,
            rows=len(items.ids),
            distinct=arrays["codes"].shape[1],
            bytes=path.stat().st_size,
            ids=(int(items.ids.min()), int(items.ids.max())),
        )
        store.add_file(path, entry.name)
    finally:
        path.unlink(missing_ok=True)
    return entry


def _check_ids(ids: Ids, spec: KeySpec | None, rows: int) -> Items:
    """Return the ids of so many rows, and their keys."""
    items = items_of(ids, spec, rows=rows)
    if not 0 < rows <= MAX_ROWS:
        raise InvalidInputError(f"a shard of {rows} rows; use 1..{MAX_ROWS} (rows_per_shard)")
    check_array(items.ids, "ids", (rows,), "iu")
    return items


def check_labelled(labels: Labels | None, rows: int) -> Labels | None:
    """Return labels if there is a row of them for each code, or none at all, else raise InvalidInputError."""
    return None if labels is None else check_labels(labels, rows)


def arrange(
    items: Items, codes: Codes, labels: Labels | None, layout: Layout, threads: int, spec: KeySpec | None = None
) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and facts of a shard of n rows, from ids (n,), codes (n, bytes), and labels of the rows."""
    columns, ids = stored_columns(codes, layout, threads), items.ids
    base, last = int(ids.min()), int(ids.max())
    are_short = items.keys is None and last - base < 2**32
    base = base if are_short else 0
    bits = layout.first_word_bits
    if layout.folds:  # a leading key makes the order that of the numbers of set bits
        leading, bits = class_keys(columns, threads)
        columns = np.concatenate([leading[None], columns])
    flat, starts, order, short_ids = _native.arrange(columns, bits, ids, base, are_short, threads)
    distinct = flat.reshape(len(columns), -1)[len(columns) - layout.words :]
    facts: dict[str, Any] = {"layout": layout.model_dump(), "rows": len(ids), "id_base": base}
    arrays: Arrays = {"codes": distinct, "ids": short_ids if are_short else ids[order]}
    if len(starts) < len(ids):
        arrays["row_offsets"] = np.append(starts, np.uint32(len(ids)))
    if labels is not None:
        ordered = labels.take(order.astype(np.int64))
        arrays["label_offsets"], arrays["label_values"] = ordered.offsets, ordered.values
    if items.keys is not None and spec is not None:
        facts[FACT] = spec.model_dump()
        arrays |= key_arrays(arrays["ids"], items.keys.take(order))
    for structure in kept_structures(layout, distinct.shape[1]):
        arrays |= structure.arrays(distinct, threads)
    return arrays, facts


def stored_columns(codes: Codes, layout: Layout, threads: int) -> Words:
    """Return codes, (n, bytes), as a shard stores them: uint64, shape (words, n), bits in the layout's order."""
    return in_order(to_columns(codes), bit_order(layout), threads)


def bit_order(layout: Layout) -> BitOrder | None:
    """Return the bit of a code that each stored bit is, uint16 of shape (code_length,); None where bits keep places."""
    return None if layout.keeps_bit_order else np.array(layout.bit_order, np.uint16)


def in_order(columns: Words, order: BitOrder | None, threads: int) -> Words:
    """Return codes of shape (words, n) with their bits in another order; their words lie in memory as they did."""
    if order is None:
        return columns
    stored = np.empty_like(columns)
    _native.permute_bits(columns, order, stored, threads)
    return stored
