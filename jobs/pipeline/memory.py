"""Memory as a promise: what each task of a job will take is projected before it starts, and refused if too much."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hashcore.codes import code_bytes
from hashcore.errors import ConfigError

if TYPE_CHECKING:
    from indexer import Layout, ShardEntry
    from jobs.pipeline.spark import SparkConfig

PROCESS_BYTES = 512 << 20  # Python with numpy and pyarrow
WITH_TORCH_BYTES = 1 << 30
UNITS = {"m": 1 << 20, "g": 1 << 30}


def allowed_bytes(config: SparkConfig) -> int:
    """Return what a task may take: what is configured, else all that this machine has."""
    if config.task_memory is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
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
            f"{allowed / (1 << 20):,.0f} MiB; {remedy}, or raise spark.task_memory"
        )


def building_bytes(rows: int, layout: Layout) -> int:
    """Return what building a shard takes: codes as read, ids, words sorted and distinct, and tables."""
    words = 8 * layout.words * (2 if layout.keeps_bit_order else 3)
    sorting = 16 + 4 + 4 + 4  # a row while it is sorted, and where it starts, was, and its id
    tables = max(len(layout.substrings), len(layout.blocks))
    per_row = code_bytes(layout.code_length) + 8 + words + sorting + 12 * tables + 16
    lists = 4 * rows * layout.code_length // 8 if layout.lists else 0  # a posting a set bit, of which there are few
    offsets = sum(4 << bits for bits in [s.bits for s in layout.substrings] + [b.bits for b in layout.blocks])
    return PROCESS_BYTES + rows * per_row + offsets + lists


def searching_bytes(shard: ShardEntry, queries: int, code_length: int, k: int | None, most_answer_bytes: int) -> int:
    """Return what asking a shard takes: its file, live rows where some are deleted, queries and their answers."""
    live = 12 * shard.rows if shard.deleted else 0
    answers = min(48 * queries * k, most_answer_bytes) if k is not None else most_answer_bytes
    return PROCESS_BYTES + shard.bytes + live + 4 * queries * code_bytes(code_length) + answers


def counting_bytes(shard: ShardEntry, queries: int, code_length: int, label_words: int) -> int:
    """Return what counting relevant items takes: the shard, its codes and label masks by row, counts by query."""
    per_row = 8 * -(-code_length // 64) + 8 * label_words + 16
    return PROCESS_BYTES + shard.bytes + shard.rows * per_row + 3 * 16 * queries * (code_length + 1)


def encoding_bytes(batch_rows: int, item_bytes: int, rows_per_group: int, code_length: int) -> int:
    """Return what encoding takes: a batch as read, as floats and within the network, and a row group of codes."""
    batch = 6 * batch_rows * max(item_bytes, 4 * code_length)
    return WITH_TORCH_BYTES + batch + 3 * rows_per_group * (code_bytes(code_length) + 32)
