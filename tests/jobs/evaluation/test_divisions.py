"""Nothing changes with shards, the order of rows, groups, blocks, the runner or an interruption."""

import os
from functools import partial

import numpy as np
import pytest
from evaluated_codes import ITEMS, make, rows

from hashcore.errors import OutputError, TaskError
from jobs import evaluate
from jobs.engine.spark_engine import SparkEngine
from jobs.evaluation import tally, totals


def comparable(metrics):
    """Everything that must not depend on how the work was divided."""
    return metrics.model_copy(update={"setting": metrics.setting.model_copy(update={"index_generation": 0})})


@pytest.mark.parametrize("rows_per_shard", [1000, 100, 37])
@pytest.mark.parametrize("order", [np.arange, lambda n: np.random.default_rng(9).permutation(n)])
def test_nothing_changes_with_shards_or_the_order_of_rows(tmp_path, rows_per_shard, order):
    reference = evaluate.evaluate(make(tmp_path / "reference"))
    other = evaluate.evaluate(make(tmp_path / "other", rows_per_shard=rows_per_shard, order=order))
    assert comparable(other) == comparable(reference)


def test_nothing_changes_with_groups_and_blocks(tmp_path, monkeypatch):
    pipeline = make(tmp_path, rows_per_shard=37)
    reference = evaluate.evaluate(pipeline)
    monkeypatch.setattr(evaluate, "MAX_GROUPS", 2)
    assert evaluate.evaluate(pipeline) == reference
    monkeypatch.setattr(evaluate, "BLOCK_BYTES", 16 * 40 * 3)
    blocked = evaluate.evaluate(pipeline)
    assert blocked.figures == reference.figures
    assert blocked.examples == reference.examples
    assert blocked.curves.precision == pytest.approx(reference.curves.precision, abs=1e-12)


@pytest.mark.parametrize("block_ids", [1, 10, 1000])
def test_the_row_of_an_id_is_found_in_whatever_block_it_is(block_ids):
    ids = np.random.default_rng(0).permutation(300)[:200]
    rows = {id_: row for row, id_ in enumerate(ids.tolist())}
    found = tally.rows_of(ids, np.arange(-5, 305), block_ids=block_ids)
    assert found.tolist() == [rows.get(id_, -1) for id_ in range(-5, 305)]


def test_spark_gives_what_one_process_gives_and_writes_it_once(tmp_path, spark, capsys):
    pipeline = make(tmp_path, rows_per_shard=100)
    assert evaluate.run(pipeline) == evaluate.evaluate(pipeline)
    written = os.stat(pipeline.paths.metrics).st_mtime_ns
    assert "mAP" in capsys.readouterr().out
    evaluate.run(pipeline)
    assert os.stat(pipeline.paths.metrics).st_mtime_ns == written
    make(tmp_path, items=rows(ITEMS, 8))  # a new generation of the index
    with pytest.raises(OutputError, match="different input index"):
        evaluate.run(pipeline)


@pytest.mark.parametrize("end", [KeyboardInterrupt, TaskError])
def test_an_evaluation_that_ended_early_counts_nothing_twice(tmp_path, monkeypatch, spark, end):
    pipeline = make(tmp_path, rows_per_shard=100)
    reference = evaluate.evaluate(pipeline)
    monkeypatch.setattr(SparkEngine, "map_tasks", lambda _, function, tasks, label: [*map(function, tasks)])
    monkeypatch.setattr(evaluate, "BLOCK_BYTES", 16 * 40 * 15)
    counted = []

    def count(task, last=99):
        if len(counted) == last:
            raise end("enough")
        counted.append((task.queries.content(), task.shards))
        return tally.tally(task)

    monkeypatch.setattr(totals, "tally", partial(count, last=5))
    with pytest.raises(end):
        evaluate.run(pipeline)
    assert not os.path.exists(pipeline.paths.metrics)
    monkeypatch.setattr(totals, "tally", count)
    assert evaluate.run(pipeline).figures == reference.figures
    assert len(counted) == len(set(counted)) == 3 * 3
    assert sorted(os.listdir(tmp_path)) == ["codes", "index", "metrics.hashcore.json", "metrics.json", "runs"]


def test_what_was_counted_for_others_is_counted_again(tmp_path, monkeypatch, spark):
    monkeypatch.setattr(SparkEngine, "map_tasks", lambda _, function, tasks, label: [*map(function, tasks)])
    monkeypatch.setattr(evaluate, "figures", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        evaluate.run(make(tmp_path, rows_per_shard=100))
    monkeypatch.undo()
    pipeline = make(tmp_path, rows_per_shard=100, items=rows(ITEMS, 8))
    assert evaluate.run(pipeline) == evaluate.evaluate(pipeline)
