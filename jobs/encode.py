"""Encode a corpus on Spark: any readable corpus with an id and a modality column becomes a codes directory.

One pass: each task writes its codes and its rejected rows to files named by its step and partition, so that a task that
runs twice writes the same files, and returns counts. The driver judges the counts and moves the directory into place.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hashcore import files
from hashcore.errors import InvalidInputError, require
from jobs.corpora import corpus
from jobs.corpora.encoding import REJECTED, SCRATCH, Counts, Work, encode_partition
from jobs.corpora.reader import Columns
from jobs.corpora.source import Step, check_format, reading, steps
from jobs.pipeline import codes, memory, outputs, records, runs
from jobs.pipeline.paths import Place
from jobs.pipeline.runs import recorded
from jobs.pipeline.section import Section
from jobs.pipeline.spark import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from hashcore.hasher import Hasher
    from jobs.pipeline.config import Pipeline


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
    files_per_step: int = Field(default=1024, ge=1)
    """Files of the corpus that are encoded as one Spark job; a killed run goes on after the last step it finished."""
    gpus: float = Field(default=0, ge=0, le=1)
    """GPU that each task takes: 0.25 lets four tasks share one. Spark must have been told of its GPUs."""
    only_ids: Place | None = None
    """Parquet of ids: of the database only their rows are encoded, and no queries; with `rejected/` of an earlier run,
    once its rows are mended, into a directory of their own that can be appended."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of bad rows beyond which the job fails."""


ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


class HasherConfig(Section):
    """What a hasher that is read may do here."""

    allow: tuple[ModuleName, ...] = ()
    """Modules whose code may run where the hasher's network is one of them (`name: own`), as in [my_nets]; a package
    allows its submodules. Those of `train` are allowed anyhow."""


@recorded
def run(pipeline: Pipeline) -> None:
    """Encode database and queries of a pipeline.

    Raises:
        InvalidInputError: If a corpus is empty, lacks a column, holds null ids, or too many of its rows are bad; or if
            the hasher's network is code that is not allowed.
        OutputError: If an output is another pipeline's, or cannot be written.
    """
    corpus.run(pipeline)
    for part in ("database", "queries") if pipeline.encode.only_ids is None else ("database",):
        encode_part(pipeline, part)


def encode_part(pipeline: Pipeline, part: str) -> None:
    """Encode one part of the corpus into its codes directory, unless that was done before."""
    require("torch", "train")
    from hashcore.hasher import Hasher

    source, path = pipeline.paths.corpus(part), pipeline.paths.codes(part)
    hasher = Hasher.load(pipeline.paths.hasher, allow=pipeline.allowed())
    inputs = {"corpus": records.fingerprint_of(source), "hasher": hasher.fingerprint}
    if pipeline.encode.only_ids is not None:
        inputs["only_ids"] = records.fingerprint_of(pipeline.encode.only_ids)
    record = records.record(pipeline, f"encode {part}", ("corpus", "encode"), inputs)
    if outputs.is_finished(path, record):
        print(f"encode {part}: done before -> {path}")
        return
    _check_modality(pipeline.encode.modality, hasher)
    check_format(pipeline.corpus.format, source)
    _promise_memory(pipeline, hasher)
    spark = session(pipeline.spark, f"hashcore encode {pipeline.name}")
    found = _steps(spark, source, pipeline)
    with outputs.writing(path, record, resumes=True) as staging, reading(source, pipeline.corpus.format):
        counts = _encode(spark, found, staging, hasher, pipeline, f"encode {part}")
        _judge(counts, source, pipeline)
        codes.write_info(staging, _info(hasher, pipeline.encode.modality, counts.encoded))
    runs.count(rows=counts.encoded, rejected=counts.rejected)
    print(
        f"encode {part}: {counts.encoded:,} codes of {hasher.code_length} bits, {counts.rejected:,} rejected -> {path}"
    )


def _promise_memory(pipeline: Pipeline, hasher: Hasher) -> None:
    """Raise ConfigError if a task would take more memory than it may."""
    config, item = pipeline.encode, hasher.modalities[pipeline.encode.modality].input
    item_bytes = 4 * math.prod(item.shape)
    projected = memory.encoding_bytes(config.batch_rows, item_bytes, config.rows_per_group, hasher.code_length)
    memory.promise("encode", projected, pipeline.spark, "lower encode.batch_rows")


def _check_modality(modality: str, hasher: Hasher) -> None:
    """Raise InvalidInputError unless the hasher reads a modality."""
    if modality not in hasher.modalities:
        known = ", ".join(sorted(hasher.modalities))
        raise InvalidInputError(f"encode.modality={modality}: this hasher reads {known}; use one of these")


def _steps(spark: SparkSession, source: str, pipeline: Pipeline) -> Sequence[Step]:
    """Return the steps of a corpus."""
    corpus, config = pipeline.corpus, pipeline.encode
    columns = Columns(source, corpus.id, {"item": config.column or config.modality}, corpus.labels, corpus.labels_as)
    return steps(spark, columns, corpus.format, files_per_step=config.files_per_step, batch_rows=config.batch_rows)


def _info(hasher: Hasher, modality: str, rows: int) -> codes.CodesInfo:
    """Return what `codes.json` shall tell."""
    return codes.CodesInfo(
        code_length=hasher.code_length,
        kind=hasher.kind,
        hasher_fingerprint=hasher.fingerprint,
        modality=modality,
        rows=rows,
    )


def _encode(
    spark: SparkSession, found: Sequence[Step], folder: str, hasher: Hasher, pipeline: Pipeline, label: str
) -> Counts:
    """Encode the steps that a killed run has not done, and return the sum of all counts."""
    for part in (codes.DATA, REJECTED, SCRATCH):
        files.make_folder(files.join(folder, part))
    config = pipeline.encode
    counts = []
    for number, step in enumerate(found):
        device = "cuda" if config.gpus else "cpu"
        work = Work(
            folder, number, pipeline.paths.hasher, hasher.fingerprint, config.modality, config.rows_per_group, device
        )
        work = work._replace(only_ids=config.only_ids, allow=pipeline.allowed())
        counts.append(_encode_step(spark, step, work, f"{label}, step {number + 1} of {len(found)}", config.gpus))
    files.remove(files.join(folder, SCRATCH))
    return Counts.total(counts)


def _encode_step(spark: SparkSession, step: Step, work: Work, label: str, gpus: float) -> Counts:
    """Encode every share of a step and keep its counts; an interrupted step begins anew."""
    kept = files.join(work.folder, SCRATCH, f"step-{work.step:05}.json")
    content = files.read_bytes(kept)
    if content is not None:
        return Counts(**json.loads(content))
    for part in (codes.DATA, REJECTED):
        for left in files.listing(files.join(work.folder, part)):
            if left.rpartition("/")[2].startswith(f"part-{work.step:05}-"):
                files.remove(left)
    counts = Counts.total(step.map(spark, partial(encode_partition, work), label, gpus))
    files.write_bytes(kept, json.dumps(counts._asdict()).encode())
    return counts


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
