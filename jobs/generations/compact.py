"""Merge small shards of the index and drop deleted rows: each task builds one merged shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.engine.choice import Size, engine_of
from jobs.generations.shards import Shards, shards_of
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import ShardEntry


@recorded
def run(pipeline: Pipeline) -> None:
    """Compact the index of a pipeline.

    Raises:
        OutputError: If another writer commits meanwhile.
    """
    import indexer

    root = pipeline.paths.index
    index = indexer.open(root)
    groups = indexer.tasks.plan_compact(index.snapshot, pipeline.compact.rows_per_shard)
    if not groups:
        print(f"compact: nothing to merge in {len(index.shards)} shards -> {root}")
        return
    entries = [[index.shards[number] for number in group] for group in groups]
    size = Size(rows=sum(entry.rows for group in entries for entry in group))
    layout, keyed = index.manifest.layout, index.key_spec is not None
    projected = max(indexer.memory.merging_bytes(group, layout, keyed=keyed) for group in entries)
    engine = engine_of(pipeline, "compact", projected, "lower compact.rows_per_shard", size=size)
    tasks = [shards_of(root, index, group) for group in groups]
    merged = engine.map_tasks(merge_group, tasks, "compact")
    manifest = indexer.tasks.commit_compact(index.snapshot, groups, merged)
    built = [entry for entry in merged if entry is not None]
    run_notes.writes(root, f"generation {manifest.generation}", sum(entry.bytes for entry in built))
    run_notes.count(rows=sum(entry.rows for entry in built), merged_shards=sum(map(len, groups)))
    print(f"compact: {len(index.shards)} shards to {len(manifest.shards)}, generation {manifest.generation} -> {root}")


def merge_group(group: Shards) -> ShardEntry | None:
    """Build the shard that takes the place of a group."""
    from indexer import tasks

    return tasks.merge_shards(group.open().snapshot, group.numbers)


if __name__ == "__main__":
    cli.script("compact")
