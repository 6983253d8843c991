"""Delete the items of a list of ids from the index: each task looks through one shard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from hashcore.columns.ids import Ids
from hashcore.errors import ConfigError
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.corpora.ids import Kind, difference, listed, read_ids
from jobs.engine.choice import Size, engine_of
from jobs.engine.process import ProcessEngine
from jobs.generations.shards import Shards, shards_of
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Index, Manifest
    from indexer.tasks import Marked


@recorded
def run(pipeline: Pipeline) -> None:
    """Delete `delete.ids` from the index of a pipeline; what is not there is left alone, so a repeated run is none.

    Raises:
        InvalidInputError: If the ids cannot be read.
        OutputError: If another writer commits meanwhile.
    """
    import indexer

    source, root = pipeline.delete.ids, pipeline.paths.index
    if source is None:
        raise ConfigError(
            "delete.ids is not given; name ids or a file of them, as in --set delete.ids=[17,4] or "
            "--set delete.ids=gone.parquet"
        )
    index = indexer.open(root)
    kind: Kind = index.key_spec.type if index.key_spec else "int64"
    ids = read_ids(source, pipeline.delete.column, kind)
    numbers = indexer.tasks.plan_delete(index.snapshot, ids)
    tasks = [shards_of(root, index, [number]) for number in numbers]
    marked = _marked(pipeline, source, kind, ids, tasks)
    entries = {number: shard.entry for number, shard in zip(numbers, marked, strict=True)}
    manifest, deleted = indexer.tasks.commit_delete(index.snapshot, ids, entries)
    absent = difference(ids, [shard.ids for shard in marked])
    if deleted:
        run_notes.writes(root, f"generation {manifest.generation}", _tombstone_bytes(index, manifest))
    run_notes.count(rows=deleted, absent_ids=len(absent))
    lack = f", {len(absent):,} of {len(ids):,} ids are not in the index: {listed(absent)}" if len(absent) else ""
    print(f"delete: {deleted:,} items{lack}, generation {manifest.generation} -> {root}")


def _marked(
    pipeline: Pipeline, source: str | Sequence[int | str], kind: Kind, ids: Ids, tasks: Sequence[Shards]
) -> Sequence[Marked]:
    """Mark ids in each shard."""
    engine = engine_of(pipeline, "delete", size=Size(rows=sum(sum(shard.rows) for shard in tasks)))
    if isinstance(engine, ProcessEngine):
        return engine.map_tasks(lambda shard: mark(shard, ids), tasks, "delete")
    return engine.map_tasks(partial(read_and_mark, source, pipeline.delete.column, kind), tasks, "delete")


def _tombstone_bytes(index: Index, manifest: Manifest) -> int:
    """Return the bytes of the tombstones that a generation has and an earlier one has not."""
    before = {entry.tombstones_name for entry in index.shards}
    names = (entry.tombstones_name for entry in manifest.shards)
    return sum(index.store.size(name) or 0 for name in names if name is not None and name not in before)


def read_and_mark(source: str | Sequence[int | str], column: str, kind: Kind, shard: Shards) -> Marked:
    """Read the ids where the task runs, which is less than to send them, and mark them in one shard."""
    return mark(shard, read_ids(source, column, kind))


def mark(shard: Shards, ids: Ids) -> Marked:
    """Write the tombstones of one shard and return its entry with them, and those of the ids that it holds."""
    from indexer import tasks

    return tasks.delete_from(shard.open().snapshot, shard.numbers[0], ids)


if __name__ == "__main__":
    cli.script("delete")
