"""Index the codes of the database: each task builds one shard of its share of the rows, without a shuffle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hashcore.codes import Codes
from hashcore.errors import LostRaceError, OutputError
from hashcore.storage import files
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.corpora import verdict
from jobs.engine.choice import Size
from jobs.engine.tasks import task_threads
from jobs.stages import codes_directory, outputs, records
from jobs.stages.kept import Json, entries_folder, map_kept, numbered
from jobs.stages.stage import Stage
from jobs.stages.unique_ids import check_ids
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Index, KeySpec, Layout, ShardEntry

SAMPLED_CHUNKS = 64
COMMIT_TRIES = 20


@recorded
def run(pipeline: Pipeline) -> None:
    """Build the index of a pipeline from its codes directory.

    Raises:
        InvalidInputError: If the codes are missing or damaged, or an id occurs twice.
        OutputError: If the index's root is another pipeline's, or cannot be written.
    """
    import indexer

    source, root = pipeline.paths.codes_database, pipeline.paths.index
    info = codes_directory.read_info(source, "paths.corpus_database")
    stage = Stage.of(pipeline, "index", root, ("index",), {"codes": records.fingerprint_of(source)})
    if _is_built(stage):
        stage.done_before()
        return
    with outputs.growing(root, stage.record, marks=(indexer.LOCK,)):
        indexer.check_root(root, known=records.NAMES)
        index = _build(stage, info)
    said = f"{len(index):,} codes in {len(index.shards)} shards, generation {index.generation}"
    stage.done(said, rows=len(index))
    verdict.tell_few(sum(shard.distinct for shard in index.shards), len(index), index.code_length, root)


def _is_built(stage: Stage) -> bool:
    """Return whether the index is there; a run that was killed after its commit is recorded as done.

    Raises:
        OutputError: If another pipeline's is there.
    """
    (root, record), finished = (stage.path, stage.record), stage.is_finished()
    made_by = _made_by(root)
    if made_by is None or finished:
        return made_by is not None
    if made_by != record.fingerprint:
        raise OutputError(
            f"{root} holds an index of another pipeline; remove it, or write elsewhere by "
            f"{records.elsewhere(root, record)}"
        )
    outputs.finish(root, record)
    return True


def _build(stage: Stage, info: codes_directory.CodesInfo) -> Index:
    """Build the shards and commit them, unless another run of the same pipeline does so first; return the index."""
    import indexer

    pipeline, root, fingerprint = stage.pipeline, stage.path, stage.record.fingerprint
    source = pipeline.paths.codes_database
    chunks = codes_directory.plan(source, pipeline.index.rows_per_shard)
    layout = indexer.plan_layout(
        sample(chunks, pipeline.index.sample_rows, info.code_length),
        code_length=info.code_length,
        rows_per_shard=min(pipeline.index.rows_per_shard, info.rows),
        kind=info.kind,
        signatures=pipeline.index.signatures,
    )
    largest = max(chunks, key=codes_directory.chunk_rows)
    rows, labels = codes_directory.chunk_rows(largest), codes_directory.labels_of(largest)
    projected = indexer.memory.building_bytes(rows, layout, labels, codes_directory.key_bytes(largest))
    engine = stage.engine(Size(rows=info.rows), projected, "lower index.rows_per_shard")
    keys = indexer.KeySpec(type=info.keys) if info.keys else None
    if pipeline.index.check_ids:
        keys = check_ids(engine, source, chunks, keys)
    folder, build = entries_folder(root, fingerprint), partial(build_shard, root, layout, keys)
    entries = map_kept(
        engine, build, list(enumerate(chunks)), folder, name=numbered, codec=Json(indexer.ShardEntry), label="index"
    )
    commit = partial(
        indexer.commit, root, entries, kind=info.kind, layout=layout, hasher_fingerprint=info.hasher_fingerprint,
        provenance={"pipeline": pipeline.name, "fingerprint": fingerprint}, ids_checked=True, parent=0, keys=keys,
        vocabulary=info.vocabulary,
    )  # fmt: skip
    index = _first(commit, root, fingerprint)
    files.remove(folder)
    return index


def _first(commit: Callable[[], Index], root: str, fingerprint: str) -> Index:
    """Commit the first generation, or return the one that another run of the same pipeline has committed.

    Raises:
        LostRaceError: If another pipeline was first.
    """
    import indexer

    for left in reversed(range(COMMIT_TRIES)):
        try:
            return commit()
        except LostRaceError:
            made_by = _made_by(root)
            if made_by == fingerprint:
                return indexer.open(root)
            if made_by is not None or not left:
                raise
        time.sleep(0.1)  # another run has written its manifest, and CURRENT not yet
    raise AssertionError("unreachable")


def _made_by(root: str) -> str | None:
    """Return the fingerprint of the record that made an index, empty if it is not told; None where there is none."""
    import indexer

    if indexer.tasks.current_generation(root) is None:
        return None
    return str(indexer.open(root).manifest.provenance.get("fingerprint", ""))


def sample(chunks: Sequence[codes_directory.Chunk], rows: int, code_length: int) -> Codes:
    """Return some `rows` codes, taken from evenly spread chunks; all of them where there are fewer."""
    chosen = [chunks[i] for i in np.unique(np.linspace(0, len(chunks) - 1, SAMPLED_CHUNKS).astype(int))]
    heads = [_head(chunk, -(-rows // len(chosen))) for chunk in chosen]
    return np.concatenate([codes_directory.read_chunk(head, code_length).codes for head in heads])


def _head(chunk: codes_directory.Chunk, rows: int) -> codes_directory.Chunk:
    """Return the first rows of a chunk."""
    pieces: list[codes_directory.Piece] = []
    for piece in chunk:
        left = rows - sum(p.stop - p.start for p in pieces)
        if left > 0:
            pieces.append(piece._replace(stop=min(piece.stop, piece.start + left)))
    return tuple(pieces)


def build_shard(root: str, layout: Layout, keys: KeySpec | None, task: tuple[int, codes_directory.Chunk]) -> ShardEntry:
    """Build the shard of one numbered chunk and return its entry of the manifest."""
    import indexer

    rows = codes_directory.read_chunk(task[1], layout.code_length)
    return indexer.build_shard(
        root, rows.ids, rows.codes, rows.labels, layout=layout, keys=keys, threads=task_threads()
    )


if __name__ == "__main__":
    cli.script("index")
