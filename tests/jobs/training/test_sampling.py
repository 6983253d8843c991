"""Classical methods learn from a sample of rows that is spread over the corpus, the same by its seed."""

from __future__ import annotations

import numpy as np
import pytest
from training_corpus import ROWS, columns, features, pipeline, write

from hashcore.classical import by_name
from hashcore.hasher import Hasher
from jobs import train
from jobs.training import reading
from jobs.training.reading import spread_rows
from jobs.training.source import find


@pytest.mark.parametrize(("rows", "count"), [(10, 10), (11, 4), (10**12, 5), (1000, 999)])
def test_a_sample_has_a_row_of_each_equal_part_of_the_corpus(rows, count):
    drawn = spread_rows(rows, count, seed=0)
    assert len(drawn) == count and drawn.dtype == np.int64
    parts = [number * rows // count for number in range(count + 1)]
    assert all(start <= row < stop for start, row, stop in zip(parts, drawn.tolist(), parts[1:], strict=False))
    assert np.array_equal(drawn, spread_rows(rows, count, seed=0))


def test_every_row_may_be_drawn():
    assert set(np.concatenate([spread_rows(20, 4, seed) for seed in range(100)])) == set(range(20))


@pytest.mark.parametrize("files", [1, 3, 7])
def test_a_method_is_fitted_to_the_rows_of_the_sample_alone(tmp_path, capsys, files, monkeypatch):
    monkeypatch.setattr("jobs.training.readers.BATCH_ROWS", 13)
    write(tmp_path, columns(), files=files)
    made = pipeline(tmp_path, method="lsh", sample_rows=50)
    train.run(made)
    chosen = spread_rows(ROWS, 50, made.train.seed)
    wanted = by_name.fit("lsh", {"features": features()[chosen]}, 16, seed=made.train.seed)
    assert Hasher.load(made.paths.hasher).fingerprint == wanted.fingerprint
    assert "train: 16 bits from 50 of 200 items by lsh" in capsys.readouterr().out


@pytest.mark.parametrize("most", [None, ROWS, 10 * ROWS])
def test_a_corpus_that_is_no_larger_is_learned_from_as_a_whole(tmp_path, capsys, most):
    write(tmp_path, columns())
    made = pipeline(tmp_path, method="lsh", sample_rows=most)
    train.run(made)
    whole = reading.items(reading.read(find(made), made.train), find(made), "features")
    assert len(whole) == ROWS
    wanted = by_name.fit("lsh", {"features": whole}, 16, seed=made.train.seed)
    assert Hasher.load(made.paths.hasher).fingerprint == wanted.fingerprint
    assert "train: 16 bits from 200 items by lsh" in capsys.readouterr().out


def test_bad_rows_of_the_sample_alone_are_judged(tmp_path):
    bad = features().tolist()
    bad[:10] = [None] * 10
    write(tmp_path, columns(features=bad))
    made = pipeline(tmp_path, method="lsh", sample_rows=100, max_rejected_share=0.05)
    held = reading.read_sample(find(made), made.train)
    assert held.column("id").to_pylist() == spread_rows(ROWS, 100, made.train.seed)[5:].tolist()
