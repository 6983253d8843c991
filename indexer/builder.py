"""Building an index: a layout for all, shards one by one, then the manifest that makes them an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes, Kind, check_code_length, check_codes, check_kind
from hashcore.errors import InvalidInputError, OutputError
from hashcore.relevance import Labels
from indexer.changes import ROWS_PER_SHARD, check_ids
from indexer.index import Index
from indexer.layout import SAMPLE_CODES, Layout, plan_layout
from indexer.manifest import CURRENT, SHARDS, Manifest, ShardEntry, commit_manifest, new_writer, next_generation
from indexer.shard_builder import build_shard as build_shard_in
from indexer.store import UNFINISHED, Store, open_store


def build(
    root: str,
    ids: NDArray[np.int64],
    codes: Codes,
    *,
    code_length: int,
    labels: Labels | None = None,
    rows_per_shard: int = ROWS_PER_SHARD,
    kind: Kind = "dense",
    layout: Layout | None = None,
) -> Index:
    """Build an index of codes in memory, as a new generation at `root`.

    Args:
        root: A directory or s3://bucket/prefix; new, empty, or an index whose next generation this becomes.
        ids: int64, shape (n,), each once.
        codes: uint8, shape (n, bytes).
        code_length: Bits of a code.
        labels: Labels of the rows, or None.
        rows_per_shard: Rows a shard holds at most.
        kind: Of the codes.
        layout: Order of bits and substrings; None lets plan_layout choose from a sample.

    Returns:
        The index, opened.

    Raises:
        InvalidInputError: If there are no codes, shapes differ, or an id is there twice.
        OutputError: If `root` holds something else or cannot be written.
    """
    check_kind(kind)
    codes = check_codes(codes, check_code_length(code_length))
    ids = check_ids(ids, codes)
    if not isinstance(rows_per_shard, int) or rows_per_shard < 1:
        raise InvalidInputError(f"rows_per_shard={rows_per_shard!r}: use a whole number of rows, 1 or more")
    if layout is None:
        sample = codes[:: max(len(codes) // SAMPLE_CODES, 1)]
        rows = min(rows_per_shard, len(codes))
        layout = plan_layout(sample, code_length=code_length, rows_per_shard=rows, kind=kind)
    check_root(root)
    starts = range(0, len(codes), rows_per_shard)
    parts = [(start, min(start + rows_per_shard, len(codes))) for start in starts]
    entries = [
        build_shard(root, ids[a:b], codes[a:b], None if labels is None else labels.slice(a, b), layout=layout)
        for a, b in parts
    ]
    return commit(root, entries, kind=kind, layout=layout)


def build_shard(
    root: str, ids: NDArray[np.int64], codes: Codes, labels: Labels | None = None, *, layout: Layout, threads: int = 0
) -> ShardEntry:
    """Write one shard below `root` and return its entry: the task of a distributed build.

    Nothing refers to the shard before `commit`; a task that is repeated writes the same file again.
    """
    return build_shard_in(open_store(root), ids, codes, labels, layout=layout, threads=threads)


def commit(
    root: str,
    entries: Sequence[ShardEntry],
    *,
    layout: Layout,
    kind: Kind = "dense",
    hasher_fingerprint: str | None = None,
    provenance: dict[str, Any] | None = None,
) -> Index:
    """Make shards the current generation of the index at `root`; the previous generation stays as it is.

    Raises:
        OutputError: If another writer commits at the same time; theirs is current then.
    """
    store = open_store(root)
    parent, generation = next_generation(store)
    manifest = Manifest(
        generation=generation,
        parent=parent,
        kind=check_kind(kind),
        layout=layout,
        shards=tuple(entries),
        hasher_fingerprint=hasher_fingerprint,
        provenance=provenance or {},
        writer=new_writer(),
    )
    commit_manifest(store, manifest)
    return Index(store, manifest)


def check_root(root: str) -> Store:
    """Return the store at `root` if an index may be built there.

    Raises:
        OutputError: If it holds files that are no index, so that nothing foreign is mixed with one.
    """
    store = open_store(root)
    ours = store.get(CURRENT) is not None or bool(store.entries(SHARDS)) or bool(store.entries(UNFINISHED))
    foreign = [] if ours else store.entries("")
    if foreign:
        raise OutputError(f"{root} holds files that are no index, such as {foreign[0].name}; choose another directory")
    return store
