"""Add the codes of a directory to the index: each task builds one more shard, then one commit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.storage import files
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.engine.choice import Size, engine_of
from jobs.engine.tasks import task_threads
from jobs.stages import codes_directory, records
from jobs.stages.kept import Json, entries_folder, map_kept, numbered
from jobs.stages.names import Names
from jobs.stages.unique_ids import check_ids
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Index, ShardEntry


@recorded
def run(pipeline: Pipeline) -> None:
    """Append `append.codes` to the index of a pipeline, unless a generation that it came from has them.

    Raises:
        InvalidInputError: If the codes are missing, damaged or of another hasher, or an id is there already.
        OutputError: If another writer commits meanwhile.
    """
    import indexer

    source, root = pipeline.append.codes, pipeline.paths.index
    if source is None:
        raise ConfigError("append.codes is not given; name a codes directory, as in --set append.codes=new/codes")
    index, info = indexer.open(root), codes_directory.read_info(source)
    _check_info(index, info, source)
    content = records.fingerprint_of(source)
    if content in index.snapshot.appended():
        print(f"append: done before -> {root}")
        return
    chunks = codes_directory.plan(source, pipeline.index.rows_per_shard)
    largest = max(chunks, key=codes_directory.chunk_rows)
    rows, labels = codes_directory.chunk_rows(largest), codes_directory.labels_of(largest)
    layout, key_bytes = index.manifest.layout, codes_directory.key_bytes(largest)
    projected = indexer.memory.adding_bytes(rows, layout, index.shards, labels, key_bytes)
    engine = engine_of(pipeline, "append", projected, "lower index.rows_per_shard", size=Size(rows=info.rows))
    if pipeline.index.check_ids and check_ids(engine, source, chunks, index.key_spec) != index.key_spec:
        raise InvalidInputError(
            f"{source}: two of its keys have one 64-bit hash under the seed of {root}, which happens once in 10¹⁰ "
            "appends; build the index anew of all codes"
        )
    names = Names.of(index.manifest.vocabulary, info.vocabulary, source)
    folder = entries_folder(root, f"append-{content}-{index.generation}")
    build, entry = partial(build_shard, root, index.generation, names), Json(indexer.ShardEntry)
    entries = map_kept(engine, build, list(enumerate(chunks)), folder, name=numbered, codec=entry, label="append")
    manifest = indexer.tasks.commit_append(index.snapshot, entries, content, vocabulary=names.words)
    files.remove(folder)
    run_notes.reads(source, content)
    run_notes.writes(root, f"generation {manifest.generation}", sum(entry.bytes for entry in entries))
    run_notes.count(rows=info.rows)
    print(f"append: {info.rows:,} codes in {len(entries)} shards, generation {manifest.generation} -> {root}")


def _check_info(index: Index, info: codes_directory.CodesInfo, source: str) -> None:
    """Raise InvalidInputError unless codes are of the index's kind and hasher."""
    import indexer

    made = index.manifest.hasher_fingerprint or info.hasher_fingerprint
    held, given = (index.code_length, index.kind, made), (info.code_length, info.kind, info.hasher_fingerprint)
    spec, own = index.key_spec, indexer.KeySpec(type=info.keys) if info.keys else None
    if (own and own.type) != (spec and spec.type):
        ids = [each.called if each else "numbers" for each in (own, spec)]
        raise InvalidInputError(f"{source} has ids that are {ids[0]}, the index ids that are {ids[1]}; give such ids")
    if held != given:
        raise InvalidInputError(
            f"{source} holds {given[1]} codes of {given[0]} bits by hasher {given[2]}, the index {held[1]} ones of "
            f"{held[0]} bits by {held[2]}; encode with the hasher that built the index"
        )


def build_shard(root: str, generation: int, names: Names, task: tuple[int, codes_directory.Chunk]) -> ShardEntry:
    """Build the shard of one numbered chunk and return its entry of the manifest."""
    import indexer

    index = indexer.open(root, generation)
    rows = codes_directory.read_chunk(task[1], index.code_length)
    labels = rows.labels and names.renumbered(rows.labels)
    return indexer.tasks.append_shard(index.snapshot, rows.ids, rows.codes, labels, threads=task_threads())


if __name__ == "__main__":
    cli.script("append")
