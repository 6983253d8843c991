"""Index the codes of the database on Spark: each task builds one shard of its share of the rows, without a shuffle."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from hashcore import files
from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from jobs.pipeline import codes, memory, outputs, records, runs
from jobs.pipeline.runs import recorded
from jobs.pipeline.section import Section
from jobs.pipeline.spark import session
from jobs.pipeline.tasks import map_tasks, task_threads

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from indexer import Layout, ShardEntry
    from jobs.pipeline.config import Pipeline

SAMPLED_CHUNKS = 64
NAMED_IDS = 5
ENTRIES = ".entries"


class IndexConfig(Section):
    """How the codes are divided into shards."""

    rows_per_shard: int = Field(default=64_000_000, ge=1)
    """Most rows of a shard; building and searching hold one shard in memory."""
    check_ids: bool = True
    """Whether one aggregation over all ids makes sure that none occurs twice."""
    sample_rows: int = Field(default=1 << 16, ge=1)
    """Codes from which the tables' layout is planned."""
    signatures: bool = False
    """Of sparse codes: whether to keep block signatures, too, for radii of 3 to 6, in 12 bytes a code and block."""


@recorded
def run(pipeline: Pipeline) -> None:
    """Build the index of a pipeline from its codes directory.

    Raises:
        InvalidInputError: If the codes are missing or damaged, or an id occurs twice.
        OutputError: If the index's root is another pipeline's, or cannot be written.
    """
    import indexer
    from indexer.manifest import CURRENT

    source, root = pipeline.paths.codes_database, pipeline.paths.index
    info = codes.read_info(source)
    record = records.record(pipeline, "index", ("index",), {"codes": records.fingerprint_of(source)})
    if outputs.is_finished(root, record) and files.exists(files.join(root, CURRENT)):
        print(f"index: done before -> {root}")
        return
    chunks = codes.plan(source, pipeline.index.rows_per_shard)
    layout = indexer.plan_layout(
        sample(chunks, pipeline.index.sample_rows, info.code_length),
        code_length=info.code_length,
        rows_per_shard=min(pipeline.index.rows_per_shard, info.rows),
        kind=info.kind,
        signatures=pipeline.index.signatures,
    )
    spark = session(pipeline.spark, f"hashcore index {pipeline.name}")
    if pipeline.index.check_ids:
        check_ids(spark, source, chunks)
    largest = max(chunks, key=codes.chunk_rows)
    projected = memory.building_bytes(codes.chunk_rows(largest), layout, codes.labels_of(largest))
    memory.promise("index", projected, pipeline.spark, "lower index.rows_per_shard")
    with outputs.growing(root, record):
        files.make_folder(files.join(root, ENTRIES))
        entries = map_tasks(spark, partial(build_shard, root, layout), list(enumerate(chunks)), "index")
        index = indexer.commit(
            root,
            entries,
            kind=info.kind,
            layout=layout,
            hasher_fingerprint=info.hasher_fingerprint,
            provenance={"pipeline": pipeline.name, "fingerprint": record.fingerprint},
        )
        files.remove(files.join(root, ENTRIES))
    runs.count(rows=len(index))
    print(f"index: {len(index):,} codes in {len(index.shards)} shards, generation {index.generation} -> {root}")


def check_ids(spark: SparkSession, source: str, chunks: Sequence[codes.Chunk]) -> None:
    """Raise InvalidInputError, naming a few, if an id of a codes directory occurs twice."""
    pieces = [piece for chunk in chunks for piece in chunk]

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from codes.id_batches(pieces[number])

    frame = spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(read, "id long")
    twice = frame.groupBy("id").count().where("count > 1").select("id").limit(NAMED_IDS).collect()
    if twice:
        named = ", ".join(str(row.id) for row in twice)
        raise InvalidInputError(f"{source}: ids occur more than once, such as {named}; give every item its own id")


def sample(chunks: Sequence[codes.Chunk], rows: int, code_length: int) -> Codes:
    """Return some `rows` codes, taken from evenly spread chunks; all of them where there are fewer."""
    chosen = [chunks[i] for i in np.unique(np.linspace(0, len(chunks) - 1, SAMPLED_CHUNKS).astype(int))]
    heads = [_head(chunk, -(-rows // len(chosen))) for chunk in chosen]
    return np.concatenate([codes.read_chunk(head, code_length).codes for head in heads])


def _head(chunk: codes.Chunk, rows: int) -> codes.Chunk:
    """Return the first rows of a chunk."""
    pieces: list[codes.Piece] = []
    for piece in chunk:
        left = rows - sum(p.stop - p.start for p in pieces)
        if left > 0:
            pieces.append(piece._replace(stop=min(piece.stop, piece.start + left)))
    return tuple(pieces)


def build_shard(root: str, layout: Layout, task: tuple[int, codes.Chunk]) -> ShardEntry:
    """Build the shard of one numbered chunk, unless a killed run did, and return its entry of the manifest."""
    import indexer

    number, chunk = task

    def build() -> ShardEntry:
        rows = codes.read_chunk(chunk, layout.code_length)
        return indexer.build_shard(root, rows.ids, rows.codes, rows.labels, layout=layout, threads=task_threads())

    return outputs.kept(files.join(root, ENTRIES, f"{number:05}.json"), indexer.ShardEntry, build)


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["index", *sys.argv[1:]]))
