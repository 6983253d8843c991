"""A task of encoding: one hasher a worker, one file a partition."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashcore.errors import ConfigError, InvalidInputError
from jobs.corpora import encode_task
from jobs.corpora.encode_task import Work
from jobs.stages import codes_directory


def test_a_worker_loads_the_hasher_once(root, hasher):
    first = encode_task.load_hasher(str(root / "hasher"), hasher.fingerprint)
    assert encode_task.load_hasher(str(root / "hasher"), hasher.fingerprint) is first


def test_a_worker_without_the_gpu_that_its_task_takes_says_so(root, hasher):
    with pytest.raises(ConfigError, match=r"^encode\.gpus: torch .* cannot compute on cuda:99"):
        encode_task.load_hasher(str(root / "hasher"), hasher.fingerprint, "cuda:99")


def test_a_hasher_that_changes_during_the_run_is_noticed(root):
    with pytest.raises(InvalidInputError, match="changed from other"):
        encode_task.load_hasher(str(root / "hasher"), "other")


def test_a_task_that_runs_twice_leaves_one_file(tmp_path):
    for part in (codes_directory.DATA, encode_task.SCRATCH):
        (tmp_path / part).mkdir()
    work = Work(str(tmp_path), 7, "", "", "features", rows_per_group=2)
    for _ in range(2):
        with encode_task.part_file(work, codes_directory.DATA, 3) as file:
            for start in range(5):
                file.write(pa.table({"id": [start]}))
    assert os.listdir(tmp_path / codes_directory.DATA) == ["part-00007-00003.parquet"]
    assert os.listdir(tmp_path / encode_task.SCRATCH) == []
    written = pq.ParquetFile(tmp_path / codes_directory.DATA / "part-00007-00003.parquet")
    assert [written.metadata.row_group(g).num_rows for g in range(written.num_row_groups)] == [2, 2, 1]
