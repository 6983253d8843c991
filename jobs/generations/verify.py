"""Look the whole index over on Spark, a shard a task: bytes, counts, structure, and answers against a linear scan."""

from __future__ import annotations

import sys
from functools import partial

from jobs.config.pipeline import Pipeline
from jobs.engine import memory
from jobs.engine.spark_engine import engine_of
from jobs.generations.shards import Shards, shards_of
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded


@recorded
def run(pipeline: Pipeline) -> None:
    """Verify the index of a pipeline.

    Raises:
        ConfigError: If a task would take more memory than it may.
        CorruptIndexError: Naming what differs.
    """
    import indexer
    from indexer.generations.audit import Verified

    root = pipeline.paths.index
    index = indexer.open(root)
    projected = max(memory.verifying_bytes(entry, index.manifest.layout) for entry in index.shards)
    memory.promise("verify", projected, pipeline.spark, "lower compact.rows_per_shard")
    tasks = [shards_of(root, index, [number]) for number in range(len(index.shards))]
    verify = partial(verify_shard, pipeline.verify.queries_per_shard)
    checked = engine_of(pipeline, "verify").map_tasks(verify, tasks, "verify")
    found = Verified(*map(sum, zip(*checked, strict=True)))
    run_notes.worked()
    run_notes.reads(root, f"generation {index.generation}")
    run_notes.count(
        rows=found.rows, verified_bytes=found.bytes, verified_shards=found.shards, verified_answers=found.queries
    )
    print(
        f"verify: {found.shards} shards, {found.rows:,} items, {found.bytes:,} bytes and {found.queries} answers are "
        f"as they must be, generation {index.generation} -> {root}"
    )


def verify_shard(queries: int, shard: Shards) -> tuple[int, int, int, int]:
    """Verify one shard."""
    from indexer.generations import audit

    return audit.verify_shard(shard.open(), shard.numbers[0], queries)


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["verify", *sys.argv[1:]]))
