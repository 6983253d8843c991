"""Columns of the corpus beside its items that were found: one pass over ids and these columns, whatever was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from hashcore.errors import ConfigError
from hashcore.storage import files
from jobs.config.pipeline import Pipeline
from jobs.corpora import shares
from jobs.corpora.formats import by_name
from jobs.corpora.formats.corpus import Part
from jobs.corpora.reader import Columns, canonical
from jobs.engine.tasks import Engine
from jobs.stages import outputs

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1 << 14
FOUND, COLUMNS = "found-", "columns-"
OWN = ("query_id", "id", "distance", "labels")  # of a file of neighbors


class Wanted(NamedTuple):
    """What is looked for: some columns of a corpus, for the items that lie in files of a folder; a name of the run."""

    columns: Columns
    folder: str
    run: str


def columns_of(pipeline: Pipeline) -> Columns:
    """Return what is read of the database's corpus.

    Raises:
        ConfigError: If a column would be called like one of the neighbors' own.
    """
    names = pipeline.search.columns
    taken = [name for name in names if name in OWN]
    if taken:
        raise ConfigError(f"search.columns: {taken[0]} is a column of the neighbors themselves; leave it out")
    items = {name: name for name in names}
    source, corpus = pipeline.paths.corpus_database, pipeline.corpus
    return Columns(source, corpus.id, items, None, item_key="search.columns", id_as=corpus.id_as)


def collect(engine: Engine, pipeline: Pipeline, folder: str, run: str) -> None:
    """Write the wanted columns of all items that files of a folder have found into files beside them.

    Args:
        engine: Who reads the corpus.
        pipeline: Names the corpus, and what is wanted of it.
        folder: Of the files.
        run: A name that no other run has, by which tasks keep what they have read.
    """
    columns = columns_of(pipeline)
    form = by_name.resolved(pipeline.corpus, columns.source).format
    if form == "orc":
        raise ConfigError("search.columns: a corpus of orc is read by Spark, for encoding alone; convert it to parquet")
    opened = by_name.open_corpus(columns.source, form)
    tasks = [
        (number, share)
        for step in shares.steps(columns, opened, len(opened.parts), BATCH_ROWS)
        for number, share in enumerate(step.shares)
    ]
    engine.map_tasks(partial(_collect_share, Wanted(columns, folder, run)), tasks, "columns of the corpus")


def _collect_share(wanted: Wanted, task: tuple[int, Sequence[Part]]) -> None:
    """Write the wanted columns of the items of a share that were found."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number, share = task
    tables = [pa.Table.from_batches([batch]) for batch in _chosen(wanted, share)]
    if tables:
        path = files.join(wanted.folder, f"{COLUMNS}{number:05}.parquet")
        with outputs.attempt(path, wanted.folder) as own:
            pq.write_table(pa.concat_tables(tables, promote_options="permissive"), own)


def _chosen(wanted: Wanted, share: Sequence[Part]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a share whose items were found."""
    import pyarrow.compute as pc

    known = found_ids(wanted.folder, wanted.run)
    for part in share:
        for batch in part.batches(wanted.columns, BATCH_ROWS):
            rows = canonical(batch, wanted.columns)
            yield rows.filter(pc.is_in(rows.column("id"), known))


@lru_cache(maxsize=1)
def found_ids(folder: str, run: str) -> pa.Array:  # noqa: ARG001 - another run may find others there
    """Return the ids of all items that files of a folder name, each once; read once in each worker process of a run."""
    import pyarrow as pa

    parts = [_flat(table.column("id").combine_chunks()).unique() for table in _tables(folder, FOUND, ["id"])]
    return pa.concat_arrays(parts).unique()


@lru_cache(maxsize=1)
def collected(folder: str, run: str) -> pa.Table:  # noqa: ARG001 - another run may find others there
    """Return the columns that were collected for all items; read once in each worker process of a run."""
    import pyarrow as pa

    return pa.concat_tables(list(_tables(folder, COLUMNS, None)), promote_options="permissive")


def _tables(folder: str, prefix: str, names: list[str] | None) -> Iterator[pa.Table]:
    """Yield the Parquet files of a folder whose names begin in some way."""
    import pyarrow.parquet as pq

    for path in files.listing(folder):
        if path.rpartition("/")[2].startswith(prefix):
            system, inner = files.located(path)
            yield pq.read_table(inner, columns=names, filesystem=system)


def joined(table: pa.Table, folder: str, run: str) -> pa.Table:
    """Return neighbors, a row each or a row a query, with the columns that were collected.

    They are null for an item that the corpus has not.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    held, ids = collected(folder, run), table.column("id").combine_chunks()
    places = pc.index_in(_flat(ids), held.column("id").combine_chunks())
    for name in held.column_names[1:]:
        values = held.column(name).take(places).combine_chunks()
        beside = pa.ListArray.from_arrays(ids.offsets, values) if pa.types.is_list(ids.type) else values
        table = table.append_column(name, beside)
    return table


def _flat(ids: pa.Array) -> pa.Array:
    """Return ids, those of all lists where they lie in lists."""
    import pyarrow as pa

    return ids.flatten() if pa.types.is_list(ids.type) else ids
