"""Memory that tasks over shards take, projected before they start; a process included.

Each figure is held against measured peaks by the tests of the jobs.
"""

from __future__ import annotations

from collections.abc import Sequence

from hashcore.codes import code_bytes
from indexer.generations.audit import MOST_NEIGHBORS
from indexer.search.result_blocks import MAX_RESULT_BYTES
from indexer.shards.entry import ShardEntry
from indexer.shards.id_set import MOST_BYTES
from indexer.structures.layout import Layout
from indexer.structures.signatures import MAX_SIGNATURE_BITS
from indexer.structures.tables import substrings_for

PROCESS_BYTES = 512 << 20  # Python with numpy and pyarrow
NEIGHBOR_BYTES = 112  # of one of k, found, put in order and handed over
SORTING_BYTES = 16 + 4 + 4 + 4  # a row while it is sorted, and where it starts, was, and its id


def building_bytes(rows: int, layout: Layout, labels: int = 0, key_bytes: int = 0) -> int:
    """Return what building a shard takes: codes as read, ids, labels, words sorted and distinct, and structures.

    Args:
        rows: Of the shard.
        layout: Of its codes.
        labels: Labels of all rows.
        key_bytes: Of the keys of all rows; 0 where ids are numbers.
    """
    words = 8 * layout.words * (2 if layout.keeps_bit_order else 3)
    per_row = code_bytes(layout.code_length) + 8 + words + SORTING_BYTES + 16
    structures = sum(structure.building_bytes(rows) for structure in layout.structures)
    return PROCESS_BYTES + rows * per_row + structures + _labels_bytes(rows, labels) + _keys_bytes(rows, key_bytes)


def adding_bytes(rows: int, layout: Layout, shards: Sequence[ShardEntry], labels: int = 0, key_bytes: int = 0) -> int:
    """Return what adding a shard to others takes: looking each of its ids up in them, and building it."""
    looking = max(8 * entry.rows + _live_bytes(entry) for entry in shards) + 24 * rows + MOST_BYTES
    return building_bytes(rows, grown(layout, rows), labels, key_bytes) + looking


def merging_bytes(group: Sequence[ShardEntry], layout: Layout, *, keyed: bool = False) -> int:
    """Return what merging shards takes: their files, codes and ids of every row, and building the shard of them.

    Args:
        group: The shards.
        layout: Of the index.
        keyed: Whether items have keys, of which a shard's entry tells no more than the bytes of its file.
    """
    rows, most = sum(entry.live for entry in group), max(entry.distinct for entry in group)
    held = sum(entry.bytes + _live_bytes(entry) for entry in group)
    labels = sum(_most_labels(entry, layout) for entry in group)
    reading = rows * (code_bytes(layout.code_length) + 16) + most * 24 * layout.words
    keys = max(sum(entry.bytes for entry in group) - 16 * rows, 1) if keyed else 0
    return building_bytes(rows, grown(layout, rows), labels, keys) + held + reading


def searching_bytes(
    shard: ShardEntry, queries: int, code_length: int, k: int | None, most_answer_bytes: int = MAX_RESULT_BYTES
) -> int:
    """Return what asking a shard takes: its file, live rows where some are deleted, queries and their answers."""
    answers = NEIGHBOR_BYTES * queries * k if k is not None else most_answer_bytes
    return _opened_bytes(shard) + 4 * queries * code_bytes(code_length) + answers


def verifying_bytes(shard: ShardEntry, layout: Layout) -> int:
    """Return what verifying a shard takes: its file, ids in order, what its arrays must be, and codes to audit with."""
    per_row = 8 * layout.words + 32
    per_code = 32 * layout.words + 24 + (32 if layout.folds else 0)
    lists = shard.bytes if layout.lists else 0
    answers = NEIGHBOR_BYTES * MOST_NEIGHBORS
    return _opened_bytes(shard) + answers + per_row * shard.rows + per_code * shard.distinct + lists


def counting_bytes(shard: ShardEntry, queries: int, k: int, layout: Layout, label_words: int) -> int:
    """Return what counting relevant items takes: the shard, its codes, labels and their masks by row, and the tally."""
    per_row = 8 * layout.words + 8 * label_words + 16
    rows = shard.rows * per_row + _labels_bytes(shard.rows, _most_labels(shard, layout))
    tally = queries * (3 * 16 * (layout.code_length + 1) + NEIGHBOR_BYTES * k)
    return _opened_bytes(shard) + rows + tally


def distinct_bytes(shard: ShardEntry, code_length: int, part_bytes: int) -> int:
    """Return what counting the different codes of a part takes: the codes of a shard, and those of the part, sorted."""
    codes = shard.distinct * (32 * -(-code_length // 64) + 64)
    return _opened_bytes(shard) + codes + 4 * part_bytes


def grown(layout: Layout, rows: int) -> Layout:
    """Return a layout that takes no less memory than the one that some rows of the same index will get."""
    bits = min(max(rows.bit_length(), 8), MAX_SIGNATURE_BITS)
    blocks = tuple(block.model_copy(update={"bits": max(block.bits, bits)}) for block in layout.blocks)
    substrings = substrings_for(layout.code_length, rows) if layout.substrings else ()
    order = layout.bit_order[1:] + layout.bit_order[:1] if layout.keeps_bit_order else layout.bit_order
    return layout.model_copy(update={"bit_order": order, "substrings": substrings, "blocks": blocks})


def _opened_bytes(shard: ShardEntry) -> int:
    """Return what a process with an opened shard takes."""
    return PROCESS_BYTES + shard.bytes + _live_bytes(shard)


def _live_bytes(shard: ShardEntry) -> int:
    """Return what the live rows of a shard take beside its file."""
    return 20 * shard.rows if shard.deleted else 0


def _most_labels(shard: ShardEntry, layout: Layout) -> int:
    """Return how many labels the rows of a shard have at most, by the bytes of its file that nothing else takes."""
    tables = max(len(grown(layout, shard.rows).substrings) - 1, 0) if layout.has_structures(shard.distinct) else 0
    return max(shard.bytes - (8 * layout.words + 12 * tables) * shard.distinct - 12 * shard.rows, 0) // 4


def _labels_bytes(rows: int, labels: int) -> int:
    """Return what labels take while they are read, joined and put in another order."""
    return 52 * rows + 40 * labels if labels else 0


def _keys_bytes(rows: int, key_bytes: int) -> int:
    """Return what keys take: as they are read, joined and in another order, with their offsets, ids and places."""
    return 4 * key_bytes + 64 * rows if key_bytes else 0
