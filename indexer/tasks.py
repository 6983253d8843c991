"""Distributed builds and changes: a plan, a pure function for each shard, one commit. Spark, Dask or a loop maps it.

A build is `plan_layout`, `build_shard` for each share of the rows, and `commit`, all in `indexer`. Here is the same for
changes of an index that exists, and for its verification:

    append   append_shard for each share of the rows    commit_append
    delete   plan_delete, delete_from each shard        commit_delete
    compact  plan_compact, merge_shards of each group   commit_compact
    verify   verify_shard for each shard                Verified.total
             plan_shared_ids, verify_ids of each group

Each takes one generation, `indexer.open(root).snapshot`, which pickles. A task that runs twice writes the same files. A
commit applies to the newest generation, whoever has made it.
"""

from __future__ import annotations

from pathlib import Path

from indexer.generations.append import append_shard, commit_append
from indexer.generations.audit import Verified, plan_shared_ids, verify_ids, verify_shard
from indexer.generations.compaction import commit_compact, merge_shards, plan_compact
from indexer.generations.delete import Marked, commit_delete, delete_from, plan_delete
from indexer.generations.manifest import read_current
from indexer.generations.snapshot import Snapshot
from indexer.shards.builder import ROWS_PER_SHARD
from indexer.storage.opening import open_store

__all__ = [
    "ROWS_PER_SHARD",
    "Marked",
    "Snapshot",
    "Verified",
    "append_shard",
    "commit_append",
    "commit_compact",
    "commit_delete",
    "current_generation",
    "delete_from",
    "merge_shards",
    "plan_compact",
    "plan_delete",
    "plan_shared_ids",
    "verify_ids",
    "verify_shard",
]


def current_generation(root: str | Path) -> int | None:
    """Return the number of the current generation at a root, None where there is no index.

    Raises:
        CorruptIndexError: If CURRENT is damaged.
    """
    current = read_current(open_store(root))
    return current and current.generation
