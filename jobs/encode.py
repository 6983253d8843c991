"""Encode a corpus on Spark: any readable corpus with an id and a modality column becomes a codes directory.

One pass: each task writes its codes and its rejected rows to files named by its partition, so that a task that runs
twice writes the same files, and returns counts. The driver judges the counts and moves the directory into place.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from hashcore.errors import InvalidInputError, require
from jobs import codes, corpus, outputs
from jobs.encoding import ATTEMPTS, REJECTED, Counts, Work, encode_partition
from jobs.section import Section
from jobs.spark import map_partitions, reading, session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from hashcore.hasher import Hasher
    from jobs.config import Pipeline


class EncodeConfig(Section):
    """How items become codes."""

    modality: str = "image"
    """The hasher's modality that reads the items."""
    column: str | None = None
    """Column that holds them; none means that it is named like the modality."""
    batch_rows: int = Field(default=4096, ge=1)
    """Rows that pass the network at once; bounds the memory of a task."""
    rows_per_group: int = Field(default=1 << 17, ge=1)
    """Rows of a row group of the codes files."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of bad rows beyond which the job fails."""


def run(pipeline: Pipeline) -> None:
    """Encode database and queries of a pipeline.

    Raises:
        InvalidInputError: If a corpus is empty, lacks a column, holds null ids, or too many of its rows are bad.
        OutputError: If an output is another pipeline's, or cannot be written.
    """
    corpus.run(pipeline)
    for part in ("database", "queries"):
        encode_part(pipeline, part)


def encode_part(pipeline: Pipeline, part: str) -> None:
    """Encode one part of the corpus into its codes directory, unless that was done before."""
    require("torch", "train")
    from hashcore.hasher import Hasher

    hasher, source, path = Hasher.load(pipeline.paths.hasher), pipeline.paths.corpus(part), pipeline.paths.codes(part)
    inputs = {"corpus": outputs.fingerprint_of(source), "hasher": hasher.fingerprint}
    record = outputs.record(pipeline, f"encode {part}", ("encode",), inputs)
    if outputs.is_finished(path, record):
        print(f"encode {part}: done before -> {path}")
        return
    _check_modality(pipeline.encode.modality, hasher)
    spark = session(pipeline.spark, f"hashcore encode {pipeline.name}")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(pipeline.encode.batch_rows))
    with reading(source, pipeline.corpus.format):
        frame = select(read_corpus(spark, source, pipeline.corpus.format), source, pipeline)
    with outputs.writing(path, record) as staging, reading(source, pipeline.corpus.format):
        counts = _encode(frame, staging, hasher, pipeline, f"encode {part}")
        _judge(counts, source, pipeline)
        codes.write_info(staging, _info(hasher, pipeline.encode.modality, counts.encoded))
    print(
        f"encode {part}: {counts.encoded:,} codes of {hasher.code_length} bits, {counts.rejected:,} rejected -> {path}"
    )


def _check_modality(modality: str, hasher: Hasher) -> None:
    """Raise InvalidInputError unless the hasher reads a modality."""
    if modality not in hasher.modalities:
        known = ", ".join(sorted(hasher.modalities))
        raise InvalidInputError(f"encode.modality={modality}: this hasher reads {known}; use one of these")


def _info(hasher: Hasher, modality: str, rows: int) -> codes.CodesInfo:
    """Return what `codes.json` shall tell."""
    return codes.CodesInfo(
        code_length=hasher.code_length,
        kind=hasher.kind,
        hasher_fingerprint=hasher.fingerprint,
        modality=modality,
        rows=rows,
    )


def read_corpus(spark: SparkSession, source: str, file_format: str) -> DataFrame:
    """Return the user's or a converted corpus as Spark reads it."""
    reader = spark.read.format(file_format)
    if file_format == "csv":
        reader = reader.option("header", "true").option("inferSchema", "true")
    return reader.load(source)


def select(frame: DataFrame, source: str, pipeline: Pipeline) -> DataFrame:
    """Return the columns id (long), item, and labels (list of int) of a corpus.

    Raises:
        InvalidInputError: If a column is missing, or ids or labels are no whole numbers.
    """
    from pyspark.sql import functions, types

    config, item = pipeline.corpus, pipeline.encode.column or pipeline.encode.modality
    fields = {field.name: field.dataType for field in frame.schema.fields}
    for key, name in (("corpus.id", config.id), ("encode.column", item), ("corpus.labels", config.labels)):
        if name is not None and name not in fields:
            hint = "; use --set corpus.labels=null where items have none" if name == config.labels else ""
            raise InvalidInputError(f"{source} has no column {name} ({key}); it has {', '.join(fields)}{hint}")
    if not isinstance(fields[config.id], types.IntegralType):
        raise InvalidInputError(
            f"{source}: ids in {config.id} are {fields[config.id].simpleString()}; number the items"
        )
    columns = [functions.col(f"`{config.id}`").cast("long").alias("id"), functions.col(f"`{item}`").alias("item")]
    if config.labels is not None:
        columns.append(_labels(config.labels, fields[config.labels], source).alias("labels"))
    return frame.select(columns)


def _labels(name: str, held: Any, source: str) -> Any:
    """Return a Spark column of lists of labels, from lists or from single labels."""
    from pyspark.sql import functions, types

    column = functions.col(f"`{name}`")
    if isinstance(held, types.ArrayType) and isinstance(held.elementType, types.IntegralType):
        return column.cast("array<int>")
    if isinstance(held, types.IntegralType):
        return functions.array_compact(functions.array(column.cast("int")))
    raise InvalidInputError(f"{source}: labels in {name} are {held.simpleString()}; number the classes")


def _encode(frame: DataFrame, folder: str, hasher: Hasher, pipeline: Pipeline, label: str) -> Counts:
    """Encode every partition and return the sum of their counts."""
    for part in (codes.DATA, REJECTED, ATTEMPTS):
        os.makedirs(os.path.join(folder, part))
    work = Work(
        folder,
        pipeline.paths.hasher,
        hasher.fingerprint,
        pipeline.encode.modality,
        pipeline.encode.rows_per_group,
    )
    counts = map_partitions(frame, partial(encode_partition, work), label)
    shutil.rmtree(os.path.join(folder, ATTEMPTS))
    return Counts(*map(sum, zip((0, 0, 0), *counts, strict=True)))


def _judge(counts: Counts, source: str, pipeline: Pipeline) -> None:
    """Raise InvalidInputError if what was found in a corpus must not become an output."""
    rows, limit = counts.encoded + counts.rejected, pipeline.encode.max_rejected_share
    if counts.null_ids:
        raise InvalidInputError(f"{source}: {counts.null_ids} ids in {pipeline.corpus.id} are null; give every row one")
    if rows == 0:
        raise InvalidInputError(f"{source} is empty; give a corpus with at least one row")
    if counts.rejected > limit * rows or counts.encoded == 0:
        raise InvalidInputError(
            f"{source}: {counts.rejected} of {rows} rows are bad, more than encode.max_rejected_share={limit}; "
            "mend them, or raise the share"
        )


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["encode", *sys.argv[1:]]))
