"""Any history of changes ends with the items that it should."""

from __future__ import annotations

import numpy as np
from changing_index import LENGTH, as_items, holds, layout_with_tables, some_items, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import indexer


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_ends_with_the_items_that_it_should(tmp_path_factory, data):
    root = str(tmp_path_factory.mktemp("history"))
    ids, packed, labels = some_items(data.draw(st.integers(1, 40)), seed=1)
    layout = layout_with_tables(packed) if data.draw(st.booleans()) else None
    index = indexer.build(root, ids, packed, code_length=LENGTH, labels=labels, rows_per_shard=15, layout=layout)
    items, next_id = as_items(ids, packed, labels), 1_000
    for step in range(data.draw(st.integers(1, 6))):
        verb = data.draw(st.sampled_from(["append", "delete", "compact", "vacuum", "reopen"]))
        if verb == "append":
            more = some_items(data.draw(st.integers(1, 20)), seed=step, first_id=next_id)
            index.append(*more)
            items, next_id = items | as_items(*more), next_id + 1_000
        elif verb == "delete" and items:
            gone = data.draw(st.sets(st.sampled_from(sorted(items)), max_size=len(items)))
            index.delete(np.array(sorted(gone), np.int64))
            items = {id_: item for id_, item in items.items() if id_ not in gone}
        elif verb == "compact":
            index.compact(rows_per_shard=data.draw(st.integers(1, 60)))
        elif verb == "vacuum":
            index.vacuum(keep=data.draw(st.integers(1, 2)), older_than_s=0)
        else:
            index = indexer.open(root)
    holds(index, items) if items else None
    assert stored(indexer.open(root)) == items
    index.verify()
