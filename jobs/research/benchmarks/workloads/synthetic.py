"""Write codes directories of any size: uniform codes, and queries planted near some of them; to measure a billion with.

python -m jobs.research.benchmarks.workloads.synthetic --codes 1e9 --queries 1e6 --out runs/billion/codes
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hashcore.codes import Codes
from jobs.machine import dense_codes
from jobs.stages import codes_directory
from jobs.telemetry.progress import Progress

CODE_LENGTH = 64
ROWS_PER_FILE = 62_500_000
ROWS_PER_GROUP = 12_500_000
FLIPS = 4


def write(out: Path, items: int, queries: int) -> None:
    """Write `items` codes to out/database and `queries` codes, up to 4 bits away from some of them, to out/queries."""
    rng = np.random.default_rng(0)
    planted: list[Codes] = []
    files = -(-items // ROWS_PER_FILE)
    with Progress("codes", unit="rows", total=items) as progress:
        for number in range(files):
            start, stop = items * number // files, items * (number + 1) // files
            database = dense_codes.uniform(rng, stop - start, CODE_LENGTH)
            share = queries * (number + 1) // files - queries * number // files
            planted.append(dense_codes.near_duplicates(rng, database, share, FLIPS))
            _write_file(out / "database", number, np.arange(start, stop), database)
            progress.reach(stop, items)
    asked = np.concatenate(planted)
    _write_info(out / "database", items)
    write_part(out / "queries", asked[rng.permutation(len(asked))])


def write_part(folder: Path, items: Codes) -> None:
    """Write a codes directory of one file, whose ids count from 0."""
    _write_file(folder, 0, np.arange(len(items)), items)
    _write_info(folder, len(items))


def _write_info(folder: Path, rows: int) -> None:
    """Say what a codes directory holds."""
    info = codes_directory.CodesInfo(
        code_length=CODE_LENGTH, kind="dense", hasher_fingerprint="synthetic", modality="none", rows=rows
    )
    codes_directory.write_info(str(folder), info)


def _write_file(folder: Path, number: int, ids: NDArray[np.int64], items: Codes) -> None:
    """Write one Parquet file of a codes directory; random codes do not compress."""
    os.makedirs(folder / codes_directory.DATA, exist_ok=True)
    width = items.shape[1]
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(items), [None, pa.py_buffer(items)])
    table = pa.table({"id": ids, "code": column})
    path = folder / codes_directory.DATA / f"part-{number:05}.parquet"
    pq.write_table(table, path, row_group_size=ROWS_PER_GROUP, compression="none", use_dictionary=False)


def main() -> None:
    """Write what the arguments ask for."""
    parser = argparse.ArgumentParser(description="Write synthetic codes directories.")
    parser.add_argument("--codes", type=float, required=True, help="codes of the database, such as 1e9")
    parser.add_argument("--queries", type=float, default=1e6, help="codes of the query set")
    parser.add_argument("--out", type=Path, required=True, help="directory to make")
    given = parser.parse_args()
    write(given.out, int(given.codes), int(given.queries))


if __name__ == "__main__":
    main()
