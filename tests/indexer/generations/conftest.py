"""The index that changes start from."""

from __future__ import annotations

import pytest
from changing_index import LENGTH, as_items, layout_with_tables, some_items

import indexer


@pytest.fixture
def built(root):
    ids, packed, labels = some_items(90)
    layout = layout_with_tables(packed)
    index = indexer.build(root, ids, packed, code_length=LENGTH, labels=labels, rows_per_shard=45, layout=layout)
    return index, as_items(ids, packed, labels)
