"""Search the index for a whole query set: every shard by every block of queries.

Tasks answer (shard, block) and leave their neighbors in the staged output; the task that finds the answers of all
shards there merges them. A query lies in one file, whose rows ascend by (query_id, distance, id).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from hashcore.columns.ids import ascending
from hashcore.neighbors import Neighbors
from hashcore.storage import files
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.config.sections.search import SearchConfig
from jobs.engine.choice import Size
from jobs.engine.tasks import task_threads
from jobs.searching import joined, one
from jobs.searching.found_items import Answer, Items, answered
from jobs.searching.output import SUFFIXES, neighbors_in, save, table_of
from jobs.searching.question import check_question
from jobs.stages import codes_directory, outputs, records
from jobs.stages.kept import Arrays, kept
from jobs.stages.stage import Stage
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Index

ANSWERS, SHARD = ".answers", "shard-"

ANSWER = Arrays(Answer)


class Question(NamedTuple):
    """Parameters that all tasks of a run share, and its name, by which they keep what they read."""

    root: str
    generation: int
    shards: int
    code_length: int
    asks: SearchConfig
    folder: str
    run: str


class Block(NamedTuple):
    """A block of queries: its number and its rows."""

    number: int
    chunk: codes_directory.Chunk


@recorded
def run(pipeline: Pipeline) -> None:
    """Write the neighbors of every query of a pipeline; or print those of one item or query that is asked for.

    Raises:
        InvalidInputError: If k or the radius does not fit the index, or the queries' codes are not of its kind.
        CorruptIndexError: If a shard is damaged.
        OutputError: If the output is another pipeline's, or cannot be written.
    """
    import indexer

    if pipeline.search.key is not None or pipeline.search.query is not None:
        print(one.answer(pipeline))
        return
    pipeline = pipeline.of_current_generation()
    index, source, path = indexer.open(pipeline.paths.index), pipeline.paths.codes_queries, pipeline.paths.neighbors
    check_question(pipeline.search, index, codes_directory.read_info(source, "paths.corpus_queries"), source)
    inputs = {"index": f"{records.fingerprint_of(pipeline.paths.index)} {index.generation}"}
    if pipeline.search.columns:
        inputs["corpus"] = records.fingerprint_of(pipeline.paths.corpus_database)
    stage = Stage.of(pipeline, "search", path, ("search",), inputs | {"queries": records.fingerprint_of(source)})
    if stage.is_done():
        return
    with stage.writing(resumes=True) as staging:
        found = _search(stage, index, codes_directory.plan(source, pipeline.search.queries_per_task), staging)
    stage.done(f"{found:,} neighbors", rows=found)


def _search(stage: Stage, index: Index, chunks: list[codes_directory.Chunk], folder: str) -> int:
    """Answer every block on every shard, merge, and return the number of neighbors."""
    import indexer

    asks, root, shards = stage.pipeline.search, stage.pipeline.paths.index, len(index.shards)
    question = Question(root, index.generation, shards, index.code_length, asks, folder, uuid.uuid4().hex)
    asked = max(map(codes_directory.chunk_rows, chunks))
    projected = max(indexer.memory.searching_bytes(entry, asked, index.code_length, asks.k) for entry in index.shards)
    rows = len(index) + sum(map(codes_directory.chunk_rows, chunks))
    engine = stage.engine(Size(rows=rows), projected, "lower search.queries_per_task or compact.rows_per_shard")
    blocks = [Block(number, chunk) for number, chunk in enumerate(chunks)]
    files.make_folder(files.join(folder, ANSWERS))
    tasks = [(shard, block) for shard in range(shards) for block in blocks]
    written = dict(filter(None, engine.map_tasks(partial(answer, question), tasks, "search")))
    left = [block for block in blocks if block.number not in written]  # where a storage lists files late
    written |= engine.map_tasks(partial(merge, question), left, "merge")
    if asks.columns:
        joined.collect(engine, stage.pipeline, files.join(folder, ANSWERS), question.run)
        engine.map_tasks(partial(with_columns, question), blocks, "columns of the neighbors")
    files.remove(files.join(folder, ANSWERS))
    return sum(written.values())


def answer(question: Question, task: tuple[int, Block]) -> tuple[int, int] | None:
    """Ask one shard the queries of one block, unless a killed run did, and merge if no other shard is missing.

    Returns:
        What `write` returns, or None if another task will merge.
    """
    number, block = task
    path, folder = _place(question, block), _answers(question, block)
    if files.exists(path):
        return block.number, neighbors_in(path, question.asks)
    if question.shards == 1:
        return write(question, block, [ask(question, number, block)])
    files.make_folder(folder)
    kept(folder, f"{SHARD}{number:05}", ANSWER, partial(ask, question, number, block))
    return merge(question, block) if len(_answered(folder)) == question.shards else None


def merge(question: Question, block: Block) -> tuple[int, int]:
    """Merge a block's answers from all shards, write its file and return its number and the number of neighbors."""
    answers = map(files.read_bytes, _answered(_answers(question, block)))
    return write(question, block, [ANSWER.load(answer or b"") for answer in answers])


def _answers(question: Question, block: Block) -> str:
    """Return the folder of the shards' answers to a block."""
    return files.join(question.folder, ANSWERS, f"block-{block.number:05}")


def _answered(folder: str) -> list[str]:
    """Return the files of the shards that have answered, but none that a task is writing."""
    return [path for path in files.listing(folder) if path.rpartition("/")[2].startswith(SHARD)]


def ask(question: Question, number: int, block: Block) -> Answer:
    """Return one shard's neighbors of the queries of one block."""
    index = open_index(question.root, question.generation, question.run)
    shard, queries = index.open_shard(number), read_queries(block.chunk, question.code_length, question.run).codes
    if question.asks.k is not None:
        found = shard.knn_search(queries, question.asks.k, threads=task_threads())
    else:
        assert question.asks.radius is not None  # one of the two is given
        found = shard.range_search(queries, question.asks.radius, threads=task_threads())
    return answered(shard, found, keys=index.key_spec is not None, labels=question.asks.labels)


def write(question: Question, block: Block, answers: Sequence[Answer]) -> tuple[int, int]:
    """Merge the answers of all shards to a block, write its file and return its number and the number of neighbors."""
    asks, manifest = question.asks, open_index(question.root, question.generation, question.run).manifest
    found = Neighbors.merge([answer.neighbors for answer in answers], asks.k)
    query_ids = read_queries(block.chunk, question.code_length, question.run).ids
    table = table_of(found, query_ids, Items(answers), asks.shape, manifest.vocabulary)
    with outputs.attempt(_place(question, block), files.join(question.folder, ANSWERS)) as own:
        save(table, own, "parquet" if asks.columns else asks.format)
    return block.number, len(found.ids)


def with_columns(question: Question, block: Block) -> None:
    """Write a block's file with columns of the corpus beside its neighbors."""
    import pyarrow.parquet as pq

    folder, path = files.join(question.folder, ANSWERS), _part(question, block)
    if not files.exists(path):
        system, inner = files.located(_place(question, block))
        table = joined.joined(pq.read_table(inner, filesystem=system), folder, question.run)
        with outputs.attempt(path, folder) as own:
            save(table, own, question.asks.format)


@lru_cache(maxsize=1)
def open_index(root: str, generation: int, run: str) -> Index:  # noqa: ARG001 - another run may find another index
    """Return the index, its manifest read once in each worker process of a run."""
    import indexer

    return indexer.open(root, generation)


@lru_cache(maxsize=1)
def read_queries(
    chunk: codes_directory.Chunk,
    code_length: int,
    run: str,  # noqa: ARG001 - another run may find other queries
) -> codes_directory.CodeRows:
    """Return the queries of a block in ascending order of their ids, without labels."""
    rows = codes_directory.read_chunk(chunk, code_length)
    order = ascending(rows.ids)
    return codes_directory.CodeRows(rows.ids.take(order), rows.codes[order], None)


def _place(question: Question, block: Block) -> str:
    """Return where a block's merged neighbors lie, before columns of the corpus stand beside them where they shall."""
    if not question.asks.columns:
        return _part(question, block)
    return files.join(question.folder, ANSWERS, f"{joined.FOUND}{block.number:05}.parquet")


def _part(question: Question, block: Block) -> str:
    """Return where a block's neighbors lie."""
    return files.join(question.folder, f"part-{block.number:05}.{SUFFIXES[question.asks.format]}")


if __name__ == "__main__":
    cli.script("search")
