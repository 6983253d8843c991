"""Show how each shard answers the pipeline's queries: by which tables and radii, or by a scan, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hashcore.codes import Codes
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.config.sections.search import SearchConfig
from jobs.searching.question import check_question
from jobs.stages import codes_directory
from jobs.telemetry.progress import table

if TYPE_CHECKING:
    from indexer import Index, ShardPlan

HEADER = ("shard", "rows", "distinct", "neighbors", "by", "radius", "probes", "expected", "compared", "found", "time")


def run(pipeline: Pipeline) -> None:
    """Print the plan of every shard for the first block of queries, in this process.

    Raises:
        InvalidInputError: If index or queries are missing or do not fit each other.
    """
    import indexer

    index, source = indexer.open(pipeline.paths.index), pipeline.paths.codes_queries
    check_question(pipeline.search, index, codes_directory.read_info(source, "paths.corpus_queries"), source)
    block = codes_directory.plan(source, pipeline.search.queries_per_task)[0]
    queries = codes_directory.read_chunk(block, index.code_length).codes
    radius, why = asked_radius(pipeline.search, index, queries), ""
    if pipeline.search.k is not None:
        why = f" (half of the queries have their {pipeline.search.k:,} nearest within it)"
    plans = index.explain(queries, radius)
    print(f"{len(queries):,} queries, radius {radius} of {index.code_length} bits{why}, {len(index):,} items")
    print(table(_filled([HEADER, *(row for plan in plans for row in rows(plan))])))
    for reason in dict.fromkeys(plan.reason for plan in plans):
        print(reason)


def asked_radius(config: SearchConfig, index: Index, queries: Codes) -> int:
    """Return the radius that is asked for; for k nearest, the one within which half of the queries find them."""
    if config.radius is not None:
        return config.radius
    found = index.knn_search(queries, config.k or 1)
    return int(np.median(found.distances[found.offsets[1:] - 1]))


def rows(plan: ShardPlan) -> Iterator[tuple[str, ...]]:
    """Yield a line for each table of a shard, its work over all queries; one line for a scan."""
    shard = (plan.shard[:8], f"{plan.rows:,}", f"{plan.distinct:,}", f"{plan.neighbors:,}")
    if not any(used.radius >= 0 for used in plan.tables):
        yield (*shard, "scan", *[""] * 6)
        return
    for used in plan.tables:
        yield (
            *shard,
            used.name,
            str(used.radius) if used.radius >= 0 else "unused",
            f"{used.probes:,}",
            f"{used.expected_candidates:,.0f}",
            f"{used.candidates:,}",
            f"{used.verified:,}",
            f"{1000 * used.seconds:,.1f} ms",
        )


def _filled(lines: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return lines of cells without the columns that are empty below their heading."""
    kept = [column for column in zip(*lines, strict=True) if any(column[1:])]
    return list(zip(*kept, strict=True))


if __name__ == "__main__":
    cli.script("explain")
