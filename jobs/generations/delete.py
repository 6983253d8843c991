"""Delete the items of a list of ids from the index: each task looks through one shard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hashcore.errors import ConfigError
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.corpora.ids import listed, read_ids
from jobs.engine.choice import Size, engine_of
from jobs.engine.process import ProcessEngine
from jobs.generations.shards import Shards, shards_of
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    ids, index = read_ids(source, pipeline.delete.column), indexer.open(root)
    numbers = indexer.tasks.plan_delete(index.snapshot, ids)
    tasks = [shards_of(root, index, [number]) for number in numbers]
    marked = _marked(pipeline, source, ids, tasks)
    entries = {number: shard.entry for number, shard in zip(numbers, marked, strict=True)}
    manifest, deleted = indexer.tasks.commit_delete(index.snapshot, ids, entries)
    absent = np.setdiff1d(ids, np.concatenate([shard.ids for shard in marked] or [ids[:0]]), assume_unique=True)
    if deleted:
        run_notes.writes(root, f"generation {manifest.generation}", _tombstone_bytes(index, manifest))
    run_notes.count(rows=deleted, absent_ids=len(absent))
    lack = f", {len(absent):,} of {len(ids):,} ids are not in the index: {listed(absent)}" if len(absent) else ""
    print(f"delete: {deleted:,} items{lack}, generation {manifest.generation} -> {root}")


def _marked(
    pipeline: Pipeline, source: str | Sequence[int], ids: NDArray[np.int64], tasks: Sequence[Shards]
) -> Sequence[Marked]:
    """Mark ids in each shard."""
    engine = engine_of(pipeline, "delete", size=Size(rows=sum(sum(shard.rows) for shard in tasks)))
    if isinstance(engine, ProcessEngine):
        return engine.map_tasks(lambda shard: mark(shard, ids), tasks, "delete")
    return engine.map_tasks(partial(read_and_mark, source, pipeline.delete.column), tasks, "delete")


def _tombstone_bytes(index: Index, manifest: Manifest) -> int:
    """Return the bytes of the tombstones that a generation has and an earlier one has not."""
    before = {entry.tombstones_name for entry in index.shards}
    names = (entry.tombstones_name for entry in manifest.shards)
    return sum(index.store.size(name) or 0 for name in names if name is not None and name not in before)


def read_and_mark(source: str | Sequence[int], column: str, shard: Shards) -> Marked:
    """Read the ids where the task runs, which is less than to send them, and mark them in one shard."""
    return mark(shard, read_ids(source, column))


def mark(shard: Shards, ids: NDArray[np.int64]) -> Marked:
    """Write the tombstones of one shard and return its entry with them, and those of the ids that it holds."""
    from indexer import tasks

    return tasks.delete_from(shard.open().snapshot, shard.numbers[0], ids)


if __name__ == "__main__":
    cli.script("delete")
