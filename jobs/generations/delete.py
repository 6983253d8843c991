"""Delete the items of a list of ids from the index on Spark: each task looks through one shard."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from hashcore.errors import ConfigError
from jobs.generations.shards import Shards, shards_of
from jobs.pipeline.ids import read_ids
from jobs.pipeline.runs import recorded
from jobs.pipeline.spark import session
from jobs.pipeline.tasks import map_tasks

if TYPE_CHECKING:
    from indexer import ShardEntry
    from jobs.pipeline.config import Pipeline


@recorded
def run(pipeline: Pipeline) -> None:
    """Delete `delete.ids` from the index of a pipeline; what is not there is left alone, so a repeated run is none.

    Raises:
        InvalidInputError: If the ids cannot be read.
        OutputError: If another writer commits meanwhile.
    """
    import indexer
    from indexer.changes import commit_deleted, shards_with

    source, root = pipeline.delete.ids, pipeline.paths.index
    if source is None:
        raise ConfigError("delete.ids is not given; name a Parquet file of ids, as in --set delete.ids=gone.parquet")
    ids, index = read_ids(source, pipeline.delete.column), indexer.open(root)
    numbers = shards_with(index.shards, ids)
    spark = session(pipeline.spark, f"hashcore delete {pipeline.name}")
    tasks = [shards_of(root, index, [number]) for number in numbers]
    marked = map_tasks(spark, partial(mark, source, pipeline.delete.column), tasks, "delete")
    found = {index.shards[number].key: entry for number, entry in zip(numbers, marked, strict=True)}
    manifest, deleted = commit_deleted(index, ids, found)
    print(f"delete: {deleted:,} items, generation {manifest.generation} -> {root}")


def mark(source: str, column: str, shard: Shards) -> ShardEntry:
    """Write the tombstones of one shard and return its entry with them."""
    from indexer.changes import mark_deleted

    return mark_deleted(shard.open(), shard.numbers[0], read_ids(source, column))


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["delete", *sys.argv[1:]]))
