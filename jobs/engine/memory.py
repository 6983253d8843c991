"""Memory as a promise: what each task of a job will take is projected before it starts, and refused if too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashcore.codes import code_bytes
from hashcore.errors import ConfigError
from hashcore.machine import limits
from jobs.config.sections.spark import SparkConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer import Layout, ShardEntry

PROCESS_BYTES = 512 << 20  # Python with numpy and pyarrow
WITH_TORCH_BYTES = 1 << 30
WAITING_BYTES = 512  # of a row that waits for its row group, in small pieces from the pools of Arrow and PyTorch
NEIGHBOR_BYTES = 112  # of one of k, found, put in order and handed over
ID_TABLE_BYTES = 128 << 20  # indexer/shards/id_set.py
AUDITED_NEIGHBORS = 100_000  # of one query: MOST_NEIGHBORS in indexer/generations/audit.py
UNITS = {"m": 1 << 20, "g": 1 << 30}


def allowed_bytes(config: SparkConfig) -> int:
    """Return what a task may take: what is configured, else all that this machine, or its container, has."""
    if config.task_memory is None:
        return limits.memory_bytes()
    return int(config.task_memory[:-1]) * UNITS[config.task_memory[-1]]


def promise(job: str, projected_bytes: int, config: SparkConfig, remedy: str) -> None:
    """Raise ConfigError if a task of a job would take more than it may.

    Args:
        job: Its name.
        projected_bytes: What its largest task will take at most.
        config: Says what it may.
        remedy: The setting that makes tasks smaller, in words.
    """
    allowed = allowed_bytes(config)
    if projected_bytes > allowed:
        raise ConfigError(
            f"{job}: a task is projected to take {projected_bytes / (1 << 20):,.0f} MiB but may take "
            f"{allowed / (1 << 20):,.0f} MiB; {remedy}, or raise what it may by --set "
            f"spark.task_memory={-(-projected_bytes // (1 << 20))}m"
        )


def building_bytes(rows: int, layout: Layout, labels: int = 0) -> int:
    """Return what building a shard takes: codes as read, ids, labels, words sorted and distinct, and tables."""
    words = 8 * layout.words * (2 if layout.keeps_bit_order else 3)
    sorting = 16 + 4 + 4 + 4  # a row while it is sorted, and where it starts, was, and its id
    tables = max(len(layout.substrings), len(layout.blocks))
    per_row = code_bytes(layout.code_length) + 8 + words + sorting + 12 * tables + 16
    lists = 4 * rows * layout.code_length // 8 if layout.lists else 0  # a posting a set bit, of which there are few
    folds = 16 * rows if layout.folds else 0  # hashes, sizes and the bytes of a table
    offsets = sum(4 << bits for bits in [s.bits for s in layout.substrings] + [b.bits for b in layout.blocks])
    return PROCESS_BYTES + rows * per_row + offsets + lists + folds + _labels_bytes(rows, labels)


def adding_bytes(rows: int, layout: Layout, shards: Sequence[ShardEntry], labels: int = 0) -> int:
    """Return what adding a shard to others takes: looking each of its ids up in them, and building it."""
    looking = max(8 * entry.rows + _live_bytes(entry) for entry in shards) + 24 * rows + ID_TABLE_BYTES
    return building_bytes(rows, grown(layout, rows), labels) + looking


def merging_bytes(group: Sequence[ShardEntry], layout: Layout) -> int:
    """Return what merging shards takes: their files, codes and ids of every row, and building the shard of them."""
    rows, most = sum(entry.live for entry in group), max(entry.distinct for entry in group)
    held = sum(entry.bytes + _live_bytes(entry) for entry in group)
    labels = sum(_most_labels(entry, layout) for entry in group)
    reading = rows * (code_bytes(layout.code_length) + 16) + most * 24 * layout.words
    return building_bytes(rows, grown(layout, rows), labels) + held + reading


def grown(layout: Layout, rows: int) -> Layout:
    """Return a layout that takes no less memory than the one that some rows of the same index will get."""
    from indexer.structures.layout import substrings_for
    from indexer.structures.signature_blocks import MAX_SIGNATURE_BITS

    bits = min(max(rows.bit_length(), 8), MAX_SIGNATURE_BITS)
    blocks = tuple(block.model_copy(update={"bits": max(block.bits, bits)}) for block in layout.blocks)
    substrings = substrings_for(layout.code_length, rows) if layout.substrings else ()
    order = layout.bit_order[1:] + layout.bit_order[:1] if layout.keeps_bit_order else layout.bit_order
    return layout.model_copy(update={"bit_order": order, "substrings": substrings, "blocks": blocks})


def _live_bytes(shard: ShardEntry) -> int:
    """Return what the live rows of a shard take beside its file."""
    return 20 * shard.rows if shard.deleted else 0


def _most_labels(shard: ShardEntry, layout: Layout) -> int:
    """Return how many labels the rows of a shard have at most, by the bytes of its file that nothing else takes."""
    tables = max(len(grown(layout, shard.rows).substrings) - 1, 0) if shard.distinct >= layout.scan_below else 0
    return max(shard.bytes - (8 * layout.words + 12 * tables) * shard.distinct - 12 * shard.rows, 0) // 4


def _labels_bytes(rows: int, labels: int) -> int:
    """Return what labels take while they are read, joined and put in another order."""
    return 52 * rows + 40 * labels if labels else 0


def searching_bytes(shard: ShardEntry, queries: int, code_length: int, k: int | None, most_answer_bytes: int) -> int:
    """Return what asking a shard takes: its file, live rows where some are deleted, queries and their answers."""
    answers = NEIGHBOR_BYTES * queries * k if k is not None else most_answer_bytes
    return PROCESS_BYTES + shard.bytes + _live_bytes(shard) + 4 * queries * code_bytes(code_length) + answers


def verifying_bytes(shard: ShardEntry, layout: Layout) -> int:
    """Return what verifying a shard takes: its file, ids in order, what its arrays must be, and codes to audit with."""
    per_row = 8 * layout.words + 32
    per_code = 32 * layout.words + 24 + (32 if layout.folds else 0)
    lists = shard.bytes if layout.lists else 0
    answers = NEIGHBOR_BYTES * AUDITED_NEIGHBORS
    held = PROCESS_BYTES + shard.bytes + _live_bytes(shard) + answers
    return held + per_row * shard.rows + per_code * shard.distinct + lists


def counting_bytes(shard: ShardEntry, queries: int, k: int, layout: Layout, label_words: int) -> int:
    """Return what counting relevant items takes: the shard, its codes, labels and their masks by row, and the tally."""
    per_row = 8 * layout.words + 8 * label_words + 16
    rows = shard.rows * per_row + _labels_bytes(shard.rows, _most_labels(shard, layout))
    tally = queries * (3 * 16 * (layout.code_length + 1) + NEIGHBOR_BYTES * k)
    return PROCESS_BYTES + shard.bytes + _live_bytes(shard) + rows + tally


def distinct_bytes(shard: ShardEntry, code_length: int, part_bytes: int) -> int:
    """Return what counting the different codes of a part takes: the codes of a shard, and those of the part, sorted."""
    codes = shard.distinct * (32 * -(-code_length // 64) + 64)
    return PROCESS_BYTES + shard.bytes + _live_bytes(shard) + codes + 4 * part_bytes


def encoding_bytes(batch_rows: int, item_bytes: int, rows_per_group: int, code_length: int) -> int:
    """Return what encoding takes: a batch as read, as floats and within the network, and a row group of codes."""
    batch = 8 * batch_rows * max(item_bytes, 4 * code_length)
    return WITH_TORCH_BYTES + batch + rows_per_group * (6 * code_bytes(code_length) + WAITING_BYTES)
