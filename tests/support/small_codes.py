"""Small codes directories for tests, and whether two hold the same rows."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from oracle import clustered_bits

from hashcore.columns.codes import codes_to_arrow
from hashcore.labels import Labels
from jobs.stages import codes_directory
from jobs.stages.codes_directory import CodesInfo


def make(path, files=(5, 0, 3), code_length=12, labels=True, seed=0, rows_per_group=2, first_id=100):
    """Write a codes directory with files of these many rows and return all of its rows."""
    generator = np.random.default_rng(seed)
    rows = sum(files)
    packed = np.packbits(clustered_bits(generator, rows, code_length), axis=1, bitorder="little")
    ids = generator.permutation(rows).astype(np.int64) + first_id
    lists = Labels.from_lists([list(range(i % 3)) for i in range(rows)])
    table = pa.table({"id": ids, "code": codes_to_arrow(packed)})
    table = table.append_column("labels", lists.to_arrow()) if labels else table
    os.makedirs(path / codes_directory.DATA)
    start = 0
    for number, size in enumerate(files):
        name = path / codes_directory.DATA / f"part-{number:05}.parquet"
        pq.write_table(table.slice(start, size), name, row_group_size=rows_per_group)
        start += size
    info = CodesInfo(code_length=code_length, kind="dense", hasher_fingerprint="f", modality="image", rows=rows)
    codes_directory.write_info(str(path), info)
    return codes_directory.CodeRows(ids, packed, lists if labels else None)


def same(one, other):
    assert np.array_equal(one.ids, other.ids)
    assert np.array_equal(one.codes, other.codes)
    assert (one.labels is None) == (other.labels is None)
    if one.labels is not None:
        assert np.array_equal(one.labels.offsets, other.labels.offsets)
        assert np.array_equal(one.labels.values, other.labels.values)
