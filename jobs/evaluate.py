"""Evaluate the codes: every group of shards counts for every block of queries, and the sums give every figure.

The driver holds the counts of one block of queries at a time, q·(code_length + 1) numbers from each group of shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.evaluation.measure import WithinRadius, parse
from jobs import cli
from jobs.config.fingerprint import digest
from jobs.config.paths import Paths
from jobs.config.pipeline import Pipeline
from jobs.config.sections.evaluate import EvaluateConfig
from jobs.engine import memory
from jobs.engine.choice import Size
from jobs.engine.process import ProcessEngine
from jobs.engine.tasks import Engine
from jobs.evaluation import metrics
from jobs.evaluation.distinct import PART_BYTES
from jobs.evaluation.examples import Choice, draw, select
from jobs.evaluation.figures import Measured, at_a_radius_that_answers, curves, figures, measure, summed
from jobs.evaluation.metrics import Metrics, Setting
from jobs.evaluation.names import Asked, named
from jobs.evaluation.notes import how_to_exclude, notes_of
from jobs.evaluation.tally import Queries, Task
from jobs.evaluation.totals import count_distinct, tally_all
from jobs.stages import codes_directory, outputs, records
from jobs.stages.names import Names
from jobs.stages.stage import Stage
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Index

BLOCK_BYTES = 4 << 20  # counts and neighbors that one task returns
MAX_GROUPS = 128  # so that at most 512 MiB reach the driver at once
HERE = ProcessEngine()


@recorded
def run(pipeline: Pipeline) -> Metrics:
    """Write `metrics.json` of the pipeline's index and queries, unless it is there already, and return what it holds.

    Raises:
        InvalidInputError: If index, queries or labels are missing, or queries and index have different hashers.
        OutputError: If the place holds something else.
    """
    pipeline = pipeline.of_current_generation()
    paths = pipeline.paths
    inputs = {"index": _content(paths.index), "codes_queries": records.fingerprint_of(paths.codes_queries)}
    stage = Stage.of(pipeline, "evaluate", paths.metrics, ("evaluate",), inputs)
    if not stage.is_finished():
        engine = stage.engine(_size(paths))
        with outputs.keeping(paths.metrics, stage.record) as folder:
            result = evaluate(pipeline, engine, folder)
            with stage.writing() as staging:
                Path(staging).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    result = metrics.read(paths.metrics)
    print(result.summary())
    if said := how_to_exclude(pipeline, result.setting):
        print(f"evaluate {said}")
    asked, items = result.setting.queries, result.setting.database_size
    stage.done(f"{asked:,} queries, {items:,} items", rows=asked)
    return result


def evaluate(pipeline: Pipeline, engine: Engine = HERE, folder: str | None = None) -> Metrics:
    """Return the metrics of the pipeline's queries over its index.

    Args:
        pipeline: Its index and its queries' codes must be there.
        engine: Who runs the tasks.
        folder: Keeps results of tasks, which are not repeated.

    Raises:
        InvalidInputError: If queries or index have no labels, or do not fit each other or the wanted figures.
    """
    config, root = pipeline.evaluate, pipeline.paths.index
    index, asked, queries = _open(pipeline)
    wanted = [parse(name) for name in config.measures]
    choice = Choice(draw(queries.ids, config.examples, config.seed), config.examples, config.neighbors)
    ranked = len(index) - config.exclude_self
    k = min(max(config.neighbors, *config.knn, 1), ranked)
    _promise_memory(pipeline, index, queries, k + config.exclude_self)
    blocks = []
    for block in _blocks(queries, index.code_length, k):
        tasks = _tasks(root, index, block, k, exclude_self=config.exclude_self, comparable=asked.are_alike)
        total = tally_all(engine, tasks, folder)
        blocks.append(measure(block, total, wanted, config.knn, choice, ranked))
    found, sums = figures(blocks, len(index), index.code_length), summed(blocks)
    found |= at_a_radius_that_answers(sums, wanted, len(index))
    setting = _setting(pipeline, index, blocks, count_distinct(engine, root, index, folder))
    examples = select([example for block in blocks for example in block.examples], config.examples)
    return Metrics(
        setting=setting,
        figures=found,
        notes=notes_of(pipeline, setting, has_votes=any(name.startswith("kNN") for name in found)),
        curves=curves(blocks, sums, ranked),
        examples=named(examples, index, asked),
    )


def _size(paths: Paths) -> Size:
    """Return the size of an evaluation."""
    import indexer

    return Size(rows=len(indexer.open(paths.index)) + codes_directory.read_info(paths.codes_queries).rows)


def _content(root: str) -> str:
    """Return what identifies the items of an index's current generation: files are named by their content."""
    import indexer

    return digest(sorted(indexer.open(root).manifest.files()))


def _open(pipeline: Pipeline) -> tuple[Index, Asked, Queries]:
    """Return the index, names of the queries, and these in ascending order, after checking that figures can be had."""
    import indexer

    index = indexer.open(pipeline.paths.index)
    info = codes_directory.read_info(pipeline.paths.codes_queries, "paths.corpus_queries")
    made_by = index.manifest.hasher_fingerprint or info.hasher_fingerprint
    if (info.code_length, info.hasher_fingerprint) != (index.code_length, made_by):
        raise InvalidInputError(
            f"query codes have {info.code_length} bits of hasher {info.hasher_fingerprint} but the index holds "
            f"{index.code_length} bits of {made_by}; encode the queries with the hasher that built the index"
        )
    _check(pipeline.evaluate, index)
    rows = codes_directory.read(pipeline.paths.codes_queries)
    if rows.labels is None:
        raise InvalidInputError("the queries have no labels; encode a corpus that has a column of labels")
    names = Names.of(index.manifest.vocabulary, info.vocabulary, pipeline.paths.codes_queries)
    asked = Asked.of(rows.ids, index, names.words)
    queries = Queries(asked.ids, rows.codes, names.renumbered(rows.labels))
    order = np.argsort(asked.ids, kind="stable")
    return index, asked, queries.take(order)


def _check(config: EvaluateConfig, index: Index) -> None:
    """Raise ConfigError if a wanted figure does not exist for this index."""
    ranked = len(index) - config.exclude_self
    for k in config.knn:
        if k > ranked:
            others = " but the query's own" if config.exclude_self else ""
            raise ConfigError(
                f"evaluate.knn: k={k} exceeds the {ranked} codes in the index{others}; use k <= {ranked}, as in "
                f"--set 'evaluate.knn={[each for each in config.knn if each <= ranked]}'"
            )
    if ranked < 1:
        raise ConfigError("evaluate.exclude_self=true leaves no item to rank; index more than one")
    for radius in (each.radius for each in map(parse, config.measures) if isinstance(each, WithinRadius)):
        if radius > index.code_length:
            raise ConfigError(
                f"evaluate.measures: radius {radius} exceeds the {index.code_length} bits of a code; use smaller ones"
            )


def _promise_memory(pipeline: Pipeline, index: Index, queries: Queries, k: int) -> None:
    """Raise ConfigError if a task would take more memory than it may."""
    import indexer

    asked = min(_block_rows(index.code_length, k), len(queries.ids))
    label_words = -(-len(queries.labels.vocabulary()) // 64)
    layout = index.manifest.layout
    counting = (indexer.memory.counting_bytes(entry, asked, k, layout, label_words) for entry in index.shards)
    distinct = (indexer.memory.distinct_bytes(entry, index.code_length, PART_BYTES) for entry in index.shards[1:])
    memory.promise("evaluate", max(*counting, *distinct, 0), pipeline.spark, "lower compact.rows_per_shard and compact")


def _block_rows(code_length: int, k: int) -> int:
    """Return the number of queries whose tallies take BLOCK_BYTES."""
    return max(1, BLOCK_BYTES // (16 * (code_length + 1 + k)))


def _blocks(queries: Queries, code_length: int, k: int) -> Iterator[Queries]:
    """Yield the queries in blocks."""
    rows = _block_rows(code_length, k)
    for start in range(0, len(queries.ids), rows):
        yield queries.take(np.arange(start, min(start + rows, len(queries.ids))))


def _tasks(root: str, index: Index, queries: Queries, k: int, *, exclude_self: bool, comparable: bool) -> list[Task]:
    """Return one task a shard, or a group of shards where there are many."""
    count = len(index.shards)
    groups = [tuple(range(group, count, MAX_GROUPS)) for group in range(min(count, MAX_GROUPS))]
    content = [digest([(entry.name, entry.tombstones) for entry in map(index.shards.__getitem__, g)]) for g in groups]
    made = partial(Task, root, index.generation, queries=queries, k=k, exclude_self=exclude_self, comparable=comparable)
    return [made(shards=group, content=of_group) for group, of_group in zip(groups, content, strict=True)]


def _setting(pipeline: Pipeline, index: Index, blocks: Sequence[Measured], distinct_codes: int) -> Setting:
    """Return what all figures share."""
    average_precision = np.concatenate([block.average_precision for block in blocks])
    return Setting(
        pipeline=pipeline.name,
        database_size=len(index),
        queries=len(average_precision),
        queries_without_relevant=int(np.isnan(average_precision).sum()),
        code_length=index.code_length,
        distinct_codes=distinct_codes,
        relevance="at least one common label",
        queries_in_database=sum(block.itself for block in blocks),
        ranking="all items of the database by Hamming distance"
        + (", but the one of its own id" if pipeline.evaluate.exclude_self else ""),
        index_generation=index.generation,
        hasher_fingerprint=codes_directory.read_info(pipeline.paths.codes_queries).hasher_fingerprint,
    )


if __name__ == "__main__":
    cli.script("evaluate")
