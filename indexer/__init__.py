"""Exact Hamming search over sharded multi-index hash tables in files.

>>> import tempfile, numpy as np, indexer
>>> codes = np.array([[0b0000], [0b0111], [0b0001]], np.uint8)
>>> index = indexer.build(tempfile.mkdtemp(), np.array([10, 20, 30]), codes, code_length=8)
>>> index.range_search(np.array([[0b0000]], np.uint8), radius=1).ids.tolist()
[10, 30]
"""

from indexer import memory, plans, tasks
from indexer.builder import build, build_shard, check_root, commit
from indexer.generations.audit import Inspection, Verified
from indexer.generations.manifest import Manifest
from indexer.generations.vacuum import Removed
from indexer.index import Index
from indexer.index import open_index as open  # noqa: A004 (the pinned name)
from indexer.search.explanation import ShardPlan, TablePlan
from indexer.search.shard import Shard
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import KeySpec, key_ids
from indexer.storage.cache import cache_folder
from indexer.storage.opening import open_store
from indexer.storage.store import LOCK, Store
from indexer.structures.layout import Layout
from indexer.structures.planning import plan_layout

__all__ = [
    "LOCK",
    "Index",
    "Inspection",
    "KeySpec",
    "Layout",
    "Manifest",
    "Removed",
    "Shard",
    "ShardEntry",
    "ShardPlan",
    "Store",
    "TablePlan",
    "Verified",
    "build",
    "build_shard",
    "cache_folder",
    "check_root",
    "commit",
    "key_ids",
    "memory",
    "open",
    "open_store",
    "plan_layout",
    "plans",
    "tasks",
]
