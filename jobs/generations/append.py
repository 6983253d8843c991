"""Add the codes of a directory to the index on Spark: each task builds one more shard, then one commit."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from hashcore import files
from hashcore.errors import ConfigError, InvalidInputError
from jobs.index import check_ids, entries_folder
from jobs.pipeline import codes, memory, outputs, records, runs
from jobs.pipeline.runs import recorded
from jobs.pipeline.spark import session
from jobs.pipeline.tasks import map_tasks, task_threads

if TYPE_CHECKING:
    from indexer import Index, ShardEntry
    from jobs.pipeline.config import Pipeline


@recorded
def run(pipeline: Pipeline) -> None:
    """Append `append.codes` to the index of a pipeline, unless a generation that it came from has them.

    Raises:
        InvalidInputError: If the codes are missing, damaged or of another hasher, or an id is there already.
        OutputError: If another writer commits meanwhile.
    """
    import indexer
    from indexer.changes import commit_appended

    source, root = pipeline.append.codes, pipeline.paths.index
    if source is None:
        raise ConfigError("append.codes is not given; name a codes directory, as in --set append.codes=new/codes")
    index, info = indexer.open(root), codes.read_info(source)
    _check_info(index, info, source)
    content = records.fingerprint_of(source)
    if content in index.appended():
        print(f"append: done before -> {root}")
        return
    chunks = codes.plan(source, pipeline.index.rows_per_shard)
    largest = max(chunks, key=codes.chunk_rows)
    rows, labels = codes.chunk_rows(largest), codes.labels_of(largest)
    projected = memory.adding_bytes(rows, index.manifest.layout, index.shards, labels)
    memory.promise("append", projected, pipeline.spark, "lower index.rows_per_shard")
    spark = session(pipeline.spark, f"hashcore append {pipeline.name}")
    if pipeline.index.check_ids:
        check_ids(spark, source, chunks)
    folder = entries_folder(root, f"append-{content}-{index.generation}")
    build = partial(build_shard, root, index.generation, folder)
    entries = map_tasks(spark, build, list(enumerate(chunks)), "append")
    change = {"verb": "append", "rows": info.rows, "codes": content}
    manifest = commit_appended(index, entries, change)
    files.remove(folder)
    runs.reads(source, content)
    runs.writes(root, f"generation {manifest.generation}", sum(entry.bytes for entry in entries))
    runs.count(rows=info.rows)
    print(f"append: {info.rows:,} codes in {len(entries)} shards, generation {manifest.generation} -> {root}")


def _check_info(index: Index, info: codes.CodesInfo, source: str) -> None:
    """Raise InvalidInputError unless codes are of the index's kind and hasher."""
    made = index.manifest.hasher_fingerprint or info.hasher_fingerprint
    held, given = (index.code_length, index.kind, made), (info.code_length, info.kind, info.hasher_fingerprint)
    if held != given:
        raise InvalidInputError(
            f"{source} holds {given[1]} codes of {given[0]} bits by hasher {given[2]}, the index {held[1]} ones of "
            f"{held[0]} bits by {held[2]}; encode with the hasher that built the index"
        )


def build_shard(root: str, generation: int, folder: str, task: tuple[int, codes.Chunk]) -> ShardEntry:
    """Build the shard of one numbered chunk, unless a killed run did, and return its entry of the manifest."""
    import indexer
    from indexer.changes import check_labels, check_new, layout_of

    number, chunk = task

    def build() -> ShardEntry:
        index = indexer.open(root, generation)
        rows = codes.read_chunk(chunk, index.code_length)
        check_new(index, rows.ids, set())
        check_labels(index, rows.labels)
        layout = layout_of(index, rows.codes)
        return indexer.build_shard(root, rows.ids, rows.codes, rows.labels, layout=layout, threads=task_threads())

    return outputs.kept(files.join(folder, f"{number:05}.json"), indexer.ShardEntry, build)


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["append", *sys.argv[1:]]))
