"""A small corpus of features, or of images, to encode, and a pipeline that reads it."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.config.pipeline import Pipeline

CODE_LENGTH, DIMENSIONS = 12, 5


def pipeline(root, config=None, **encode_values):
    return Pipeline.model_validate(
        {
            "name": "a",
            "root": str(root),
            "corpus": {"source": "files", **(config or {})},
            "encode": {"modality": "features", "batch_rows": 4, **encode_values},
        }
    )


def features(rows, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, DIMENSIONS)).astype(np.float32)


def write_corpus(path, columns, files=1):
    """Write a corpus of one or more Parquet files."""
    table = pa.table(columns)
    os.makedirs(path)
    bounds = np.linspace(0, len(table), files + 1).astype(int)
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        pq.write_table(table.slice(start, stop - start), path / f"{number}.parquet")


def replace_database(root, columns):
    """Put another corpus in the place of the database."""
    replace_part(root, "database", columns)


def replace_part(root, part, columns):
    """Put another corpus in the place of a part."""
    for file in (root / "corpus" / part).iterdir():
        file.unlink()
    pq.write_table(pa.table(columns), root / "corpus" / part / "0.parquet")


def by_id(rows):
    return dict(zip(rows.ids.tolist(), map(bytes, rows.codes), strict=True))
