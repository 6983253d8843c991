"""Exact Hamming search over sharded multi-index hash tables in files.

>>> import tempfile, numpy as np, indexer
>>> codes = np.array([[0b0000], [0b0111], [0b0001]], np.uint8)
>>> index = indexer.build(tempfile.mkdtemp(), np.array([10, 20, 30]), codes, code_length=8)
>>> index.range_search(np.array([[0b0000]], np.uint8), radius=1).ids.tolist()
[10, 30]
"""

from indexer.builder import build, build_shard, check_root, commit
from indexer.explanation import ShardPlan, TablePlan
from indexer.generations.manifest import Manifest, ShardEntry
from indexer.index import Index
from indexer.index import open_index as open  # noqa: A004 (the pinned name)
from indexer.shards.shard import Shard
from indexer.structures.layout import Layout, plan_layout

__all__ = [
    "Index",
    "Layout",
    "Manifest",
    "Shard",
    "ShardEntry",
    "ShardPlan",
    "TablePlan",
    "build",
    "build_shard",
    "check_root",
    "commit",
    "open",
    "plan_layout",
]
