"""Building an index: a layout for all, shards one by one, then the manifest that makes them an index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_whole
from hashcore.codes import Codes, Kind, check_code_length, check_codes, check_kind
from hashcore.errors import InvalidInputError, OutputError, brief
from hashcore.labels import Labels
from indexer.generations.append import check_ids, collision
from indexer.generations.commit import check_files, commit_manifest, next_generation
from indexer.generations.manifest import CURRENT, MANIFESTS, Manifest, new_writer, version_of
from indexer.generations.snapshot import Snapshot
from indexer.index import Index
from indexer.shards.builder import ROWS_PER_SHARD, check_labelled
from indexer.shards.builder import build_shard as build_shard_in
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import Ids, Items, KeySpec, are_keys, as_keys, items_of, unique_spec
from indexer.shards.shared_ids import overlapping
from indexer.storage.opening import open_store
from indexer.storage.store import FILE_NAME, LOCK, SHARDS, TOMBSTONES, UNFINISHED, UNFINISHED_NAME, Store
from indexer.structures.layout import Layout, check_layout
from indexer.structures.planning import plan_layout, sample_of


def build(
    root: str | Path,
    ids: Ids,
    codes: Codes,
    *,
    code_length: int,
    labels: Labels | None = None,
    rows_per_shard: int = ROWS_PER_SHARD,
    kind: Kind = "dense",
    layout: Layout | None = None,
    vocabulary: Sequence[str] | None = None,
) -> Index:
    """Build an index of codes in memory, as a new generation at `root`.

    Args:
        root: A directory or s3://bucket/prefix; new, empty, or an index whose next generation this becomes.
        ids: int64, shape (n,), each once; or keys, n texts or n bytes, as NumPy or Arrow hold them.
        codes: uint8, shape (n, bytes).
        code_length: Bits of a code.
        labels: Labels of the n rows, or None.
        rows_per_shard: Rows a shard holds at most.
        kind: Of the codes.
        layout: Order of bits and substrings; None lets plan_layout choose from a sample.
        vocabulary: Names of the labels, label i being called vocabulary[i].

    Returns:
        The index, opened.

    Raises:
        InvalidInputError: If there are no codes, shapes differ, or an id is there twice.
        OutputError: If `root` holds something else or cannot be written.
    """
    check_kind(kind)
    code_length = check_code_length(code_length)
    codes = check_codes(codes, code_length)
    spec, items = _items(ids, len(codes))
    items, labels = check_ids(items, codes), check_labelled(labels, len(codes))
    rows_per_shard = check_whole(rows_per_shard, "rows_per_shard", 1)
    if layout is not None and check_layout(layout).code_length != code_length:
        raise InvalidInputError(
            f"the layout is of {layout.code_length} bits but code_length={code_length}; give one of both"
        )
    if layout is None:
        rows = min(rows_per_shard, len(codes))
        layout = plan_layout(sample_of(codes), code_length=code_length, rows_per_shard=rows, kind=kind)
    check_root(root)
    starts = range(0, len(codes), rows_per_shard)
    parts = [(start, min(start + rows_per_shard, len(codes))) for start in starts]
    given = items.ids if items.keys is None else items.keys
    entries = [
        build_shard(
            root, given[a:b], codes[a:b], None if labels is None else labels.slice(a, b), layout=layout, keys=spec
        )
        for a, b in parts
    ]
    return commit(root, entries, kind=kind, layout=layout, ids_checked=True, keys=spec, vocabulary=vocabulary)


def _items(ids: Ids, rows: int) -> tuple[KeySpec | None, Items]:
    """Return how keys, one a row, become ids, no two of them one; and the items. None where ids are numbers."""
    if not are_keys(ids):
        return None, items_of(ids, None, rows=rows)
    keys = as_keys(ids)
    spec, numbers = unique_spec(keys)
    return spec, Items(numbers, keys)


def build_shard(
    root: str | Path,
    ids: Ids,
    codes: Codes,
    labels: Labels | None = None,
    *,
    layout: Layout,
    keys: KeySpec | None = None,
    threads: int = 0,
) -> ShardEntry:
    """Write one shard below `root` and return its entry: the task of a distributed build.

    Nothing refers to the shard before `commit`; a task that is repeated writes the same file again.

    Args:
        root: Directory or S3 URI of the index.
        ids: Id of each row, int64, shape (n,); or its key.
        codes: Code of each row, uint8, shape (n, bytes).
        labels: Labels of the n rows, or None.
        layout: Of the index, as `plan_layout` makes it.
        keys: How keys become ids, the same for all shards; None where ids are numbers.
        threads: Threads to use; 0 takes every processor this process may run on.
    """
    return build_shard_in(open_store(root), ids, codes, labels, layout=layout, keys=keys, threads=threads)


def commit(
    root: str | Path,
    entries: Sequence[ShardEntry],
    *,
    layout: Layout,
    kind: Kind = "dense",
    hasher_fingerprint: str | None = None,
    provenance: dict[str, Any] | None = None,
    ids_checked: bool = False,
    parent: int | None = None,
    keys: KeySpec | None = None,
    vocabulary: Sequence[str] | None = None,
) -> Index:
    """Make shards the current generation of the index at `root`; the previous generation stays as it is.

    Args:
        root: A directory or s3://bucket/prefix.
        entries: What `build_shard` returned, each once.
        layout: That the shards were built with.
        kind: Of the codes.
        hasher_fingerprint: Of the hasher that made the codes, if it is known.
        provenance: What made the index, for people to read.
        ids_checked: Whether it is known that no two shards share an id; else the shards whose ranges of ids meet are
            opened, and their ids compared.
        parent: Generation that must still be current, 0 for none; None takes whichever is.
        keys: That the shards were built with; None where ids are numbers.
        vocabulary: Names of the labels, label i being called vocabulary[i].

    Raises:
        InvalidInputError: If there are no shards, or two of them share an id.
        LostRaceError: If another writer commits at the same time, or `parent` is not current; theirs is current then.
        MissingFileError: If the file of a shard is not there.
    """
    store = open_store(root)
    if not entries:
        raise InvalidInputError(f"{root}: no shards are given; build one or more, then commit")
    current, generation = next_generation(store)
    names = None if vocabulary is None else tuple(vocabulary)
    manifest = Manifest(
        format_version=version_of(keys, names),
        generation=generation,
        parent=current if parent is None else parent or None,
        kind=check_kind(kind),
        layout=layout,
        shards=tuple(entries),
        hasher_fingerprint=hasher_fingerprint,
        provenance=provenance or {},
        keys=keys,
        vocabulary=names,
        writer=new_writer(),
    )
    snapshot = Snapshot(store, manifest)
    check_files(store, manifest)
    if not ids_checked:
        _check_disjoint(snapshot)
    commit_manifest(store, manifest)
    return Index(snapshot)


def _check_disjoint(snapshot: Snapshot) -> None:
    """Raise InvalidInputError if two shards of an index share an id."""
    for group in overlapping(snapshot.shards):
        twice = snapshot.shared_ids(group)
        if len(twice) and snapshot.key_spec is not None:
            raise _shared(snapshot, group, twice)
        if len(twice):
            raise InvalidInputError(
                f"{len(twice)} ids or more are in two shards, such as {twice[0]}; give each item its own id"
            )


def _shared(snapshot: Snapshot, group: Sequence[int], twice: NDArray[np.int64]) -> InvalidInputError:
    """Return the error of a key whose id is in two shards of a group."""
    held = []
    for number in group:
        contents = snapshot.open_shard(number).contents
        held += contents.keys_at(contents.find(twice[:1])[1]).to_pylist()
    if held[0] != held[1]:
        return collision(held[0])
    return InvalidInputError(
        f"{len(twice)} keys or more are in two shards, such as {brief(held[0])}; give each item its own key"
    )


def check_root(root: str | Path, known: Collection[str] = ()) -> Store:
    """Return the store at `root` if an index may be built there.

    An index has CURRENT, or manifests. Without them, only what a killed build leaves may be there.

    Args:
        root: A directory or s3://bucket/prefix.
        known: Names of other files that may lie there; while they are written, a dot and more may follow.

    Raises:
        OutputError: If it holds files that are no index, so that nothing foreign is mixed with one.
        StorageError: If the storage cannot tell two writers apart.
    """
    store = open_store(root)
    if store.get(CURRENT) is None and not store.entries(MANIFESTS):
        found = [entry.name for folder in ("", SHARDS, TOMBSTONES, UNFINISHED) for entry in store.entries(folder)]
        foreign = [name for name in found if not _is_ours(name, known)]
        if foreign:
            raise OutputError(f"{root} holds files that are no index, such as {foreign[0]}; choose another directory")
    store.check_swaps()
    return store


def _is_ours(name: str, known: Collection[str]) -> bool:
    """Return whether a file has a name that a build gives, or is one of the known ones, or is about to be."""
    if name == LOCK or any(name == other or name.startswith(f"{other}.") for other in known):
        return True
    return any(pattern.fullmatch(name) for pattern in (FILE_NAME, UNFINISHED_NAME))
