"""Look the whole index over, a shard a task: bytes, counts, structure, and answers against a linear scan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.engine.choice import Size, engine_of
from jobs.generations.shards import Shards, shards_of
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Verified


@recorded
def run(pipeline: Pipeline) -> None:
    """Verify the index of a pipeline.

    Raises:
        ConfigError: If a task would take more memory than it may.
        CorruptIndexError: Naming what differs.
    """
    import indexer

    root = pipeline.paths.index
    index = indexer.open(root)
    projected = max(indexer.memory.verifying_bytes(entry, index.manifest.layout) for entry in index.shards)
    engine = engine_of(pipeline, "verify", projected, "lower compact.rows_per_shard", size=Size(rows=len(index)))
    tasks = [shards_of(root, index, [number]) for number in range(len(index.shards))]
    verify = partial(verify_shard, pipeline.verify.queries_per_shard)
    found = indexer.Verified.total(engine.map_tasks(verify, tasks, "verify"))
    groups = [shards_of(root, index, group) for group in indexer.tasks.plan_shared_ids(index.snapshot)]
    engine.map_tasks(verify_ids, groups, "verify ids")
    run_notes.worked()
    run_notes.reads(root, f"generation {index.generation}")
    run_notes.count(
        rows=found.rows, verified_bytes=found.bytes, verified_shards=found.shards, verified_answers=found.queries
    )
    print(
        f"verify: {found.shards} shards, {found.rows:,} items, {found.bytes:,} bytes and {found.queries} answers are "
        f"as they must be, generation {index.generation} -> {root}"
    )


def verify_shard(queries: int, shard: Shards) -> Verified:
    """Verify one shard."""
    from indexer import tasks

    return tasks.verify_shard(shard.open().snapshot, shard.numbers[0], queries)


def verify_ids(group: Shards) -> None:
    """Look for items that are in two shards of a group."""
    from indexer import tasks

    tasks.verify_ids(group.open().snapshot, group.numbers)


if __name__ == "__main__":
    cli.script("verify")
