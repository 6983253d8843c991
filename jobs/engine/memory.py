"""Memory as a promise: what each task of a job will take is projected before it starts, and refused if too much."""

from __future__ import annotations

from hashcore.codes import code_bytes
from hashcore.errors import ConfigError
from hashcore.machine import limits
from jobs.config.sections.spark import SparkConfig

WITH_TORCH_BYTES = 1 << 30
WAITING_BYTES = 512  # of a row that waits for its row group, in small pieces from the pools of Arrow and PyTorch
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


def encoding_bytes(batch_rows: int, item_bytes: int, rows_per_group: int, code_length: int) -> int:
    """Return what encoding takes: a batch as read, as floats and within the network, and a row group of codes."""
    batch = 8 * batch_rows * max(item_bytes, 4 * code_length)
    return WITH_TORCH_BYTES + batch + rows_per_group * (6 * code_bytes(code_length) + WAITING_BYTES)
