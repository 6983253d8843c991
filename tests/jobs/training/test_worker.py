"""A worker's windows, what the board is told, and what Ray says of a failure."""

from __future__ import annotations

import numpy as np
import pytest
from training_corpus import ROWS, features, pipeline

from hashcore.errors import InvalidInputError, OutputError
from hashcore.training.workers import Workers
from jobs.training import on_ray, reading, worker
from jobs.training.board import Board, Teller
from jobs.training.source import find
from jobs.training.tracking import Place


class Told:
    """Stands for an actor: calls `remote` on what it is given."""

    def __init__(self, function):
        self.remote = function


def test_the_board_is_told_of_all_workers_by_the_first():
    board = Board()
    remote = type("Handle", (), {"tell": Told(board.tell)})()
    teller = Teller(remote, workers=3, done=100)
    teller.on_batch(16)
    assert board.read() == 100 + 3 * 16


class Shard:
    """Stands for a worker's share of a corpus."""

    def __init__(self, table):
        self.table = table

    def iter_batches(self, batch_size, batch_format):
        assert batch_format == "pyarrow"
        return (self.table.slice(start, batch_size) for start in range(0, len(self.table), batch_size))


def windows(root, rows_left=ROWS, **changes):
    made = pipeline(root)
    source, config = find(made), made.train.model_copy(update=changes)
    shard = Shard(reading.read(source, made.train).slice(0, rows_left))
    return list(worker.windows(shard, worker.Work(source, config, Place("", "a"), board=None), Workers()))


def test_a_share_that_does_not_fit_comes_in_windows_of_about_equal_size(root):
    assert [len(window) for window in windows(root)] == [ROWS]
    parts = windows(root, window_bytes=70 * 5 * 4)
    assert [len(part) for part in parts] == [67, 67, 66]
    assert np.array_equal(np.concatenate([part.items["features"].numpy() for part in parts]), features())


def test_rows_lost_on_the_way_to_a_worker_are_judged_when_it_has_read_all(root):
    assert len(windows(root, rows_left=198)) == 1
    with pytest.raises(InvalidInputError, match="3 of 200 rows are bad"):
        windows(root, rows_left=197)


def test_what_ray_says_of_a_failure_becomes_one_line():
    from ray.train import WorkerGroupError

    on_purpose = RuntimeError("wrapped")
    on_purpose.__cause__ = InvalidInputError("give two classes")
    assert str(on_ray.cause_of(WorkerGroupError("", {0: on_purpose}))) == "give two classes"
    other = on_ray.cause_of(WorkerGroupError("", {1: RuntimeError("a traceback\nof many lines\nout of memory")}))
    assert isinstance(other, OutputError)
    assert str(other) == "training on Ray failed (out of memory); run it again to go on from its last epoch"
