"""What `hashcore init` writes for codes of every form runs as it is, from the file to neighbors with its keys."""

from __future__ import annotations

import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import cli
from jobs.config.pipeline import load

ROWS = 120


def keys():
    return [f"https://example.org/{row}" for row in range(ROWS)]


def made(form, folder):
    """Write codes in some form, and return their place."""
    packed = np.random.default_rng(0).integers(0, 256, (ROWS, 8), np.uint8)
    match form:
        case "ubinary in Parquet":
            column = pa.array(packed.tolist(), pa.list_(pa.uint8()))
        case "binary in Parquet":
            column = pa.array((packed.astype(int) - 128).tolist(), pa.list_(pa.int8()))
        case "hex in CSV":
            pd.DataFrame({"id": keys(), "pdq": [bytes(row).hex() for row in packed]}).to_csv(
                folder / "a.csv", index=False
            )
            return folder / "a.csv"
        case "packed matrix":
            np.save(folder / "a.npy", packed)
            return folder / "a.npy"
        case _:
            (folder / "a.b1bin").write_bytes(struct.pack("<II", ROWS, 64) + packed.tobytes())
            return folder / "a.b1bin"
    pq.write_table(pa.table({"_id": keys(), "title": ["a title"] * ROWS, "emb": column}), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize("form", ["ubinary in Parquet", "binary in Parquet", "hex in CSV", "packed matrix", "b1bin"])
def test_what_init_writes_runs_as_it_is(tmp_path, monkeypatch, capsys, form):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", str(made(form, tmp_path)), "--out", "mine.yaml"]) == 0, capsys.readouterr().err
    assert cli.main(["run", "--config", "mine.yaml"]) == 0, capsys.readouterr().err
    neighbors = pq.read_table(load("mine.yaml").paths.neighbors).to_pylist()
    assert len(neighbors) == 10 * ROWS
    wanted = keys() if "Parquet" in form or "CSV" in form else range(ROWS)
    assert {row["query_id"] for row in neighbors if row["query_id"] == row["id"] and row["distance"] == 0} == set(
        wanted
    )


def test_a_matrix_of_whole_numbers_is_taken_for_codes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.random.default_rng(0).integers(0, 1 << 64, ROWS, np.uint64))
    assert cli.main(["inspect", "a.npy"]) == 0
    assert "encoding: integer" in capsys.readouterr().out
