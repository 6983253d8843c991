"""Distinct codes are counted in parts that are disjoint and complete."""

import numpy as np
from evaluated_codes import ITEMS, make, rows

import indexer
from jobs import evaluate
from jobs.engine.spark_engine import SparkEngine
from jobs.evaluation import distinct
from jobs.evaluation.distinct import count_part, part_of, parts_of


def test_few_distinct_codes_are_the_first_thing_that_is_said(tmp_path):
    ids, packed, labels = rows(ITEMS, 2)
    found = evaluate.evaluate(make(tmp_path, items=(ids, np.repeat(packed[:1], ITEMS, axis=0), labels)))
    assert found.summary().startswith("note: 300 items have only 1 distinct code, 0.33 % (under 5 %): items of one")


def test_parts_of_the_distinct_codes_are_disjoint_and_complete(tmp_path, spark):
    pipeline = make(tmp_path, rows_per_shard=37)
    packed = np.unique(rows(ITEMS, 2)[1], axis=0)
    parts = part_of(packed, 5)
    assert set(parts.tolist()) == set(range(5))
    index = indexer.open(pipeline.paths.index)
    tasks = [distinct.Part(pipeline.paths.index, index.generation, part, 5) for part in range(5)]
    assert SparkEngine(spark).map_tasks(count_part, tasks) == [int((parts == part).sum()) for part in range(5)]
    small = parts_of(pipeline.paths.index, index, part_bytes=100)
    assert len(small) > 5 and sum(map(count_part, small)) == len(packed)


def test_a_code_whose_items_are_all_deleted_is_counted_no_more(tmp_path):
    ids, packed, labels = rows(ITEMS, 2)
    gone = ids[(packed == packed[0]).all(axis=1)]
    pipeline = make(tmp_path, items=(ids, packed, labels))
    before = evaluate.evaluate(pipeline).setting.distinct_codes
    indexer.open(pipeline.paths.index).delete(gone)
    assert evaluate.evaluate(pipeline).setting.distinct_codes == before - 1
