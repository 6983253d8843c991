"""One generation of an index, opened: its manifest, and its shards, which are opened when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_whole
from hashcore.codes import Kind
from indexer.generations.manifest import Manifest
from indexer.generations.open_shards import OpenShards
from indexer.search.shard import Shard
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import KeySpec
from indexer.shards.shared_ids import shared_ids
from indexer.storage.store import Store


class Snapshot:
    """One generation of an index; safe to use from several threads.

    Attributes:
        store: Where it lives.
        manifest: What it holds and where it came from.
    """

    def __init__(self, store: Store, manifest: Manifest, *, verify: bool = False) -> None:
        self.store = store
        self.manifest = manifest
        self._open = OpenShards(store, verify=verify)

    @property
    def code_length(self) -> int:
        """Bits of a code."""
        return self.manifest.layout.code_length

    @property
    def kind(self) -> Kind:
        """Kind of the codes: dense, sparse or ternary."""
        return self.manifest.kind

    @property
    def key_spec(self) -> KeySpec | None:
        """How keys of items became ids; None where ids are numbers."""
        return self.manifest.keys

    @property
    def shards(self) -> tuple[ShardEntry, ...]:
        """The shards as the manifest lists them."""
        return self.manifest.shards

    def appended(self) -> set[str]:
        """Return the contents that were appended since the index was built, as jobs name them."""
        return set(self.manifest.provenance.get("appended", []))

    def open_shard(self, number: int) -> Shard:
        """Open one shard; it stays open while there is room for it."""
        return self._open.get(self._entry(number), self.manifest)

    def stored_shard(self, number: int) -> Shard:
        """Open one shard as it is stored now, every byte compared; a copy that this machine keeps is made anew."""
        return self._open.stored(self._entry(number), self.manifest)

    def shard_of(self, entry: ShardEntry) -> Shard:
        """Open a shard that was built for this index and may not be part of it yet."""
        return self._open.get(entry, self.manifest)

    def opened(self) -> Iterator[Shard]:
        """Open the shards one after another."""
        return (self._open.get(entry, self.manifest) for entry in self.shards)

    def shared_ids(self, group: Sequence[int]) -> NDArray[np.int64]:
        """Return some ids, int64 of shape (n,), that are in two shards of a group; none where each is in one."""
        rows = sum(self.shards[number].live for number in group)
        return shared_ids(lambda: (self.open_shard(number).contents.ids for number in group), rows)

    def at(self, manifest: Manifest) -> Snapshot:
        """Return another generation of the same index, which shares the opened shards."""
        other = Snapshot(self.store, manifest)
        other._open = self._open
        return other

    def close_others(self) -> None:
        """Close the shards that this generation does not have."""
        self._open.keep(self.shards)

    def _entry(self, number: int) -> ShardEntry:
        """Return the entry of one shard."""
        return self.shards[check_whole(number, "shard", 0, len(self.shards) - 1)]
