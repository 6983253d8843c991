"""Encode a corpus: any readable corpus with an id and a modality column becomes a codes directory.

One pass: each task writes its codes and its rejected rows to files named by its step and partition, so that a task that
runs twice writes the same files, and returns counts. The driver judges the counts and moves the directory into place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from hashcore.errors import InvalidInputError, require
from hashcore.storage import files
from jobs import cli
from jobs.config.paths import Paths, absolute
from jobs.config.pipeline import Pipeline
from jobs.config.sections.encode import EncodeConfig
from jobs.corpora import standard_sets, verdict, vocabulary
from jobs.corpora.encode_task import REJECTED, SCRATCH, Counts, Work, begin_step, encode_partition
from jobs.corpora.formats import by_name
from jobs.corpora.ids import Among
from jobs.corpora.reader import Columns
from jobs.corpora.source import Step, reading, spark_for, steps
from jobs.engine import memory
from jobs.engine.choice import Size
from jobs.engine.tasks import Engine
from jobs.stages import codes_directory, records, rejects
from jobs.stages.kept import Json, kept
from jobs.stages.stage import Stage
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from hashcore.hasher import Hasher

COUNTS = Json(Counts)


@recorded
def run(pipeline: Pipeline) -> None:
    """Encode database and queries of a pipeline.

    Raises:
        InvalidInputError: If a corpus is empty, lacks a column, holds null ids, or too many of its rows are bad; or if
            the hasher's network is code that is not allowed.
        OutputError: If an output is another pipeline's, or cannot be written.
    """
    standard_sets.run(pipeline)
    encode_part(pipeline, "database")
    if pipeline.encode.only_ids is None and not _asks_itself(pipeline):
        if _has_queries(pipeline):
            encode_part(pipeline, "queries")
        else:
            print(f"encode queries: there is no {pipeline.paths.corpus_queries}; none encoded")


def _asks_itself(pipeline: Pipeline) -> bool:
    """Return whether the database's codes are those of the queries, too."""
    return pipeline.paths.codes_queries == pipeline.paths.codes_database


def _has_queries(pipeline: Pipeline) -> bool:
    """Return whether there is a query set, or one that is missing was named."""
    path = pipeline.paths.corpus_queries
    return files.exists(path) or path != absolute(Paths.below(pipeline.root)["corpus_queries"])


def encode_part(pipeline: Pipeline, part: str) -> None:
    """Encode one part of the corpus into its codes directory, unless that was done before."""
    require("torch", "train")
    from hashcore.hasher import Hasher

    source, path = pipeline.paths.corpus(part), pipeline.paths.codes(part)
    pipeline = pipeline.model_copy(update={"corpus": by_name.resolved(pipeline.corpus, source)})
    hasher = Hasher.load(pipeline.paths.hasher, allow=pipeline.allowed())
    inputs = {"corpus": records.fingerprint_of(source), "hasher": hasher.fingerprint}
    if pipeline.encode.only_ids is not None:
        inputs["only_ids"] = records.fingerprint_of(pipeline.encode.only_ids)
    stage = Stage.of(pipeline, f"encode {part}", path, decisive(pipeline, part), inputs)
    if stage.is_done():
        return
    modality = _checked_modality(pipeline.encode, part, hasher)
    engine = stage.engine(
        Size(bytes=files.size_bytes(source)),
        _projected_bytes(pipeline, hasher, modality),
        "lower encode.batch_rows",
        spark_for=spark_for(pipeline.corpus.format),
    )
    found = _steps(engine, part, pipeline)
    with stage.writing(resumes=True) as staging, reading(source, pipeline.corpus.format):
        names = _names(engine, part, pipeline)
        counts = encode_steps(engine, found, staging, hasher, pipeline, part, names)
        _judge(counts, part, pipeline, staging)
        codes_directory.write_info(staging, _info(hasher, modality, counts, names))
    files.remove(rejects.place_of(path))  # of an earlier run
    rejected = f"{counts.rejected:,} rejected" + (f": {counts.rejects.told()}" if counts.rejected else "")
    said = f"{counts.encoded:,} codes of {hasher.code_length} bits, {rejected}"
    stage.done(said, counts.encoded, counts.rejected)
    verdict.tell_few(counts.distinct.number(), counts.encoded, hasher.code_length, path)


def decisive(pipeline: Pipeline, part: str) -> list[str]:
    """Return the keys of the configuration that decide a part's codes, or how its steps are divided."""
    config = pipeline.encode
    keys = [config.key_of(part, "modality"), config.key_of(part, "column"), "encode.files_per_step"]
    labels = ["corpus.labels", "corpus.labels_as"] if config.part(part).labelled else []
    columns = ["corpus.columns"] if pipeline.corpus.columns else []
    return [*keys, "corpus.format", "corpus.id", "corpus.id_as", f"encode.{part}.labelled", *labels, *columns]


def _projected_bytes(pipeline: Pipeline, hasher: Hasher, modality: str) -> int:
    """Return the memory that a task will take at most."""
    config, item = pipeline.encode, hasher.modalities[modality].input
    item_bytes = 4 * math.prod(item.shape)
    return memory.encoding_bytes(config.batch_rows, item_bytes, config.rows_per_group, hasher.code_length)


def _checked_modality(config: EncodeConfig, part: str, hasher: Hasher) -> str:
    """Return the modality of a part, which the hasher reads."""
    modality, key = config.modality_of(part), config.key_of(part, "modality")
    if modality not in hasher.modalities:
        known = ", ".join(sorted(hasher.modalities))
        raise InvalidInputError(
            f"{key}={modality}: this hasher reads {known}; use one of these, as in --set {key}={min(hasher.modalities)}"
        )
    return modality


def _steps(engine: Engine, part: str, pipeline: Pipeline) -> Sequence[Step]:
    """Return the steps of a part of the corpus."""
    return _divided(engine, _columns(part, pipeline), pipeline, f"encode {part}")


def _names(engine: Engine, part: str, pipeline: Pipeline) -> tuple[str, ...] | None:
    """Return the names of a part's labels, None where they are numbers."""
    columns = _columns(part, pipeline)._replace(items={})
    if columns.labels is None:
        return None
    return vocabulary.gather(engine, _divided(engine, columns, pipeline), columns, f"encode {part}, names of labels")


def _divided(engine: Engine, columns: Columns, pipeline: Pipeline, label: str = "") -> Sequence[Step]:
    """Return some columns of a corpus in steps; under a label it is said what lies there."""
    config, file_format = pipeline.encode, pipeline.corpus.format
    sizes = {"files_per_step": config.files_per_step, "batch_rows": config.batch_rows}
    return steps(engine, columns, file_format, **sizes, label=label)


def _columns(part: str, pipeline: Pipeline) -> Columns:
    """Return what is read of a part of the corpus."""
    corpus, config = pipeline.corpus, pipeline.encode
    labels = corpus.labels if config.part(part).labelled else None
    return Columns(
        pipeline.paths.corpus(part),
        corpus.id,
        {"item": config.column_of(part)},
        labels,
        corpus.labels_as,
        config.key_of(part, "column"),
        "corpus.labels=null" if part == "database" else f"encode.{part}.labelled=false",
        corpus.columns,
        corpus.id_as,
    )


def _info(hasher: Hasher, modality: str, counts: Counts, names: tuple[str, ...] | None) -> codes_directory.CodesInfo:
    """Return what `codes.json` shall tell."""
    return codes_directory.CodesInfo(
        code_length=hasher.code_length,
        kind=hasher.kind,
        hasher_fingerprint=hasher.fingerprint,
        modality=modality,
        rows=counts.encoded,
        keys=counts.keys,
        vocabulary=names,
    )


def encode_steps(
    engine: Engine,
    found: Sequence[Step],
    folder: str,
    hasher: Hasher,
    pipeline: Pipeline,
    part: str,
    names: tuple[str, ...] | None = None,
) -> Counts:
    """Encode the steps that a killed run has not done, and return the sum of all counts."""
    for name in (codes_directory.DATA, REJECTED, SCRATCH):
        files.make_folder(files.join(folder, name))
    config, counts = pipeline.encode, []
    read = (pipeline.paths.hasher, hasher.fingerprint, config.modality_of(part), config.rows_per_group)
    work = Work(folder, 0, *read, "cuda" if config.gpus else "cpu", pipeline.allowed(), names)
    if config.only_ids is not None:
        found = [step.only(Among(config.only_ids)) for step in found]
    for number, step in enumerate(found):
        label = f"encode {part}, step {number + 1} of {len(found)}"
        encode = partial(_encode_step, engine, step, work._replace(step=number), label, config.gpus)
        counts.append(kept(files.join(folder, SCRATCH), f"step-{number:05}", COUNTS, encode))
    files.remove(files.join(folder, SCRATCH))
    return Counts.total(counts)


def _encode_step(engine: Engine, step: Step, work: Work, label: str, gpus: float) -> Counts:
    """Encode every share of a step, which begins anew where it was interrupted."""
    begin_step(work)
    return Counts.total(step.map(engine, partial(encode_partition, work), label, gpus))


def _judge(counts: Counts, part: str, pipeline: Pipeline, folder: str) -> None:
    """Raise InvalidInputError if what was found in a corpus must not become an output; its rejected rows are kept."""
    source, config = pipeline.paths.corpus(part), pipeline.encode
    verdict.judge_encoded(counts, source, pipeline.corpus.id, config.only_ids)
    key, limit, place = (
        "encode.max_rejected_share",
        config.max_rejected_share,
        rejects.place_of(pipeline.paths.codes(part)),
    )
    try:
        verdict.judge(counts.rejects, counts.encoded, source=source, key=key, limit=limit, place=place)
    except InvalidInputError:
        rejects.keep_files(files.join(folder, REJECTED), place)
        raise
    if config.only_ids is not None:
        verdict.tell_absent(config.only_ids, folder, (codes_directory.DATA, REJECTED), source, counts.keys or "int64")


if __name__ == "__main__":
    cli.script("encode")
