"""Ternary codes of SparseHash go through every stage, as conf/sparsehash.yaml says."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import indexer
from hashcore.codes import unpack
from indexer.search.sparse import SparseSearcher
from jobs import demo
from jobs.config.pipeline import load
from jobs.stages.codes_directory import read

CONFIG = Path(__file__).parents[2] / "conf" / "sparsehash.yaml"


def test_ternary_codes_are_trained_encoded_indexed_searched_evaluated_and_shown(spark, tmp_path):
    pipeline = load(CONFIG, [f"root={tmp_path}/run", "train.epochs=3", "train.in_process=true"])
    demo.run(pipeline)
    index = indexer.open(pipeline.paths.index)
    assert (
        index.kind == "ternary"
        and index.manifest.layout.folds
        and isinstance(index.open_shard(0).searcher, SparseSearcher)
    )
    database, queries = (read(str(tmp_path / "run" / "codes" / part)) for part in ("database", "queries"))
    values = [
        bits[:, :32].astype(int) - bits[:, 32:] for bits in (unpack(part.codes, 64) for part in (database, queries))
    ]
    distances = np.abs(values[1][:, None] - values[0]).sum(axis=2)
    found = pq.read_table(pipeline.paths.neighbors)
    assert found.num_rows == (distances <= 2).sum() > 0
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())["figures"]
    assert 0 < figures["R(r<=2)"]["value"] < 1
    assert "<svg" in (tmp_path / "run" / "report.html").read_text()
