"""Examples show the nearest items of random queries and of the worst."""

import numpy as np
from evaluated_codes import ITEMS, QUERIES, brute_counts, make, rows

from hashcore import measures
from jobs import evaluate


def test_examples_show_the_nearest_items_and_the_worst_queries(tmp_path):
    items, queries = rows(ITEMS, 2), rows(QUERIES, 3, first_id=10**6)
    found = evaluate.evaluate(make(tmp_path, rows_per_shard=64, examples=3, neighbors=4))
    precision = dict(zip(queries[0].tolist(), measures.average_precision(*brute_counts(items, queries)), strict=True))
    worst = [example.id for example in found.examples if example.chosen == "worst"]
    assert worst == sorted(precision, key=precision.get)[:3]
    assert [example.chosen for example in found.examples] == ["random"] * 3 + ["worst"] * 3
    label_of = dict(zip(items[0].tolist(), (row[0] for row in items[2]), strict=True))
    for example in found.examples:
        code = queries[1][queries[0] == example.id][0]
        distances = np.bitwise_count(items[1] ^ code).sum(axis=1)
        nearest = np.lexsort((items[0], distances))[:4]
        assert [shown.id for shown in example.neighbors] == items[0][nearest].tolist()
        assert [shown.distance for shown in example.neighbors] == distances[nearest].tolist()
        assert [shown.label for shown in example.neighbors] == [label_of[shown.id] for shown in example.neighbors]
        assert [shown.relevant for shown in example.neighbors] == [s.label in example.labels for s in example.neighbors]
