"""What a task has found is kept whole, found again, and computed again where a file is damaged or the folder gone."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from hashcore.errors import OutputError
from hashcore.neighbors import Neighbors
from jobs.corpora.encode_task import Counts
from jobs.engine.process import ProcessEngine
from jobs.evaluation.tally import Tally
from jobs.stages.distinct import Distinct
from jobs.stages.kept import Arrays, Json, kept, map_kept
from jobs.stages.rejects import Rejects

FOUND = Neighbors(np.array([0, 1, 2]), np.array([7, 2**62]), np.array([3, 0], np.uint16))
FLAGS = np.array([True, False])
TALLY = Tally(np.eye(2, dtype=np.int64), np.zeros((2, 2), np.int64), FOUND, FLAGS, np.ones(2, np.int32), True, ~FLAGS)
COUNTS = Counts(3, 1, Rejects(2, {"no image": (2, [4, 5])}), Distinct((1, 2**64 - 1)))


def refuse():
    pytest.fail("what is kept is computed again")


@pytest.mark.parametrize(("codec", "result"), [(Json(int), 5), (Json(Counts), COUNTS)])
def test_what_is_kept_as_json_comes_back_and_is_not_computed_again(tmp_path, codec, result):
    assert kept(str(tmp_path), "a", codec, lambda: result) == result
    assert kept(str(tmp_path), "a", codec, refuse) == result
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_arrays_come_back_with_their_types_and_flags(tmp_path):
    kept(str(tmp_path), "a", Arrays(Tally), lambda: TALLY)
    again = kept(str(tmp_path), "a", Arrays(Tally), refuse)
    assert again.one_label_each is True
    for name in ("all_counts", "relevant_counts", "relevant", "classes", "itself"):
        assert getattr(again, name).dtype == getattr(TALLY, name).dtype
        assert (getattr(again, name) == getattr(TALLY, name)).all()
    for name in ("offsets", "ids", "distances"):
        assert (getattr(again.neighbors, name) == getattr(FOUND, name)).all()


@pytest.mark.parametrize("codec", [Json(int), Arrays(Neighbors)])
def test_what_a_power_cut_left_is_computed_again(tmp_path, codec):
    result = FOUND if codec.suffix == ".npz" else 12
    kept(str(tmp_path), "a", codec, lambda: result)
    path = tmp_path / f"a{codec.suffix}"
    whole = path.read_bytes()
    for size in (0, len(whole) // 2):
        path.write_bytes(whole[:size] if codec.suffix == ".npz" else b"{"[:size])
        kept(str(tmp_path), "a", codec, lambda: result)
        assert path.read_bytes() == whole


def test_a_folder_that_another_run_has_removed_is_no_error_and_none_keeps_nothing(tmp_path):
    assert kept(str(tmp_path / "gone"), "a", Json(int), lambda: 5) == 5
    assert kept(None, "a", Json(int), lambda: 5) == 5
    assert not list(tmp_path.iterdir())


def test_a_result_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hashcore.storage.files.move_in", full)
    with pytest.raises(OutputError, match=r"a\.json cannot be written \(No space left on device\); make room"):
        kept(str(tmp_path), "a", Json(int), lambda: 5)
    assert not list(tmp_path.iterdir())


def test_only_tasks_without_a_kept_result_run(tmp_path):
    def run(tasks, ran):
        return map_kept(
            ProcessEngine(),
            lambda task: ran.append(task) or task * task,
            tasks,
            str(tmp_path),
            name=str,
            codec=Json(int),
            label="squares",
        )

    first, second = [], []
    assert run([1, 2], first) == [1, 4]
    assert run([3, 2, 1], second) == [9, 4, 1]
    assert (first, second) == ([1, 2], [3])
