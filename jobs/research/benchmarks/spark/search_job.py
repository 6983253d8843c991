"""Searching by the job, on Spark, against the same search in this process: what Spark adds to it.

Both read the queries' Parquet, ask the index and write the neighbors' Parquet; before the first round Spark's session
runs and both have opened the index. The job also checks, records and resumes. Ratios below 1 are what it takes longer.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hashcore.hamming import available_threads
from hashcore.machine import limits
from jobs import search
from jobs.config.pipeline import Pipeline
from jobs.research.benchmarks import growth
from jobs.research.benchmarks.comparison import Comparison, compare
from jobs.research.benchmarks.workloads import synthetic
from jobs.stages.codes_directory import read as read_codes

if TYPE_CHECKING:
    from indexer import Index

WARMING = 20  # jobs, after which Java has compiled what they run
ROUNDS = 9


def run(
    codes: int = 64_000_000,
    queries: int = 10_000,
    radii: Sequence[int] = (2, 4, 8, 11, 14),
    k: int = 10,
    warming: int = WARMING,
    rounds: int = ROUNDS,
) -> Iterator[Comparison]:
    """Yield a row for each radius, and one for the k nearest: 64-bit codes, queries up to 4 bits from some of them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        index, planted, _ = growth.build(root / "index", codes)
        synthetic.write_part(root / "codes" / "queries", planted[:queries])
        for _ in range(warming):
            by_job(make_pipeline(root, index, radius=0))
        for question in (*({"radius": radius} for radius in radii), {"k": k}):
            name, value = next(iter(question.items()))
            yield compare(
                f"search, {codes:,} x 64 bits, {len(planted[:queries]):,} queries, {name} {value}",
                "the same search in this process",
                partial(by_job, make_pipeline(root, index, **question)),
                partial(in_process, root, index, **question),
                equal=same_rows,
                rounds=rounds,
                codes=codes,
                cores=available_threads(),
                **question,
            )


def by_job(pipeline: Pipeline) -> Path:
    """Search by the job, and return the folder of the neighbors."""
    shutil.rmtree(pipeline.paths.neighbors, ignore_errors=True)
    with redirect_stdout(io.StringIO()):
        search.run(pipeline)
    return Path(pipeline.paths.neighbors)


def in_process(root: Path, index: Index, *, radius: int | None = None, k: int | None = None) -> Path:
    """Search here, with a thread a core, and return the file of the neighbors."""
    import pyarrow.parquet as pq

    asked = read_codes(str(root / "codes" / "queries"))
    order = np.argsort(asked.ids, kind="stable")
    queries = asked.codes[order]
    found = index.range_search(queries, radius) if radius is not None else index.knn_search(queries, k or 1)
    path = root / "in_process.parquet"
    pq.write_table(found.to_arrow(asked.ids[order]), path)
    return path


def same_rows(ours: Path, theirs: Path) -> bool:
    """Return whether two Parquet files or folders hold the same rows in the same order."""
    import pyarrow.parquet as pq

    table = pq.read_table(ours)
    return len(table) > 0 and bool(table.equals(pq.read_table(theirs)))


def make_pipeline(root: Path, index: Index, **question: int) -> Pipeline:
    """Return a pipeline that asks the index one question; where it has one shard, a task has all cores."""
    from jobs.config.pipeline import Pipeline

    cores = limits.cores()
    settings = {"spark.task.cpus": str(cores)} if len(index.shards) == 1 else {}
    return Pipeline.model_validate(
        {
            "name": "bench-search",
            "root": str(root),
            "search": question,
            "spark": {"master": f"local[{cores}]", "settings": settings},
        }
    )
