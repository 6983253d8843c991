"""Opened shards of an index, kept open while there are descriptors for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from hashcore.errors import InvalidInputError, MissingFileError
from indexer.generations.manifest import Manifest, manifest_name
from indexer.generations.open_entry import open_entry
from indexer.search.shard import Shard
from indexer.shards.entry import ShardEntry
from indexer.storage.store import Store

MOST_DESCRIPTORS = 1 << 16


class OpenShards:
    """The shards opened last, as many as may stay open; safe to use from several threads.

    A shard takes a descriptor while it is open. Half of the process's are for shards; where they do not suffice, its
    soft limit is raised, and beyond the hard one the shards used least recently are closed.
    """

    def __init__(self, store: Store, *, verify: bool = False) -> None:
        self._store = store
        self._verify = verify
        self._lock = Lock()
        self._shards: OrderedDict[tuple[str, str | None], Shard] = OrderedDict()
        self._most = 0

    def __reduce__(self) -> tuple[object, ...]:
        """Return what another process needs; it opens shards of its own."""
        return _fresh, (self._store, self._verify)

    def get(self, entry: ShardEntry, manifest: Manifest) -> Shard:
        """Return the shard of an entry of a manifest, opened.

        Raises:
            InvalidInputError: If it is gone because the generation was vacuumed.
            CorruptIndexError: If it is missing or damaged.
        """
        with self._lock:
            shard = self._shards.get(entry.key)
            if shard is not None:
                self._shards.move_to_end(entry.key)
                return shard
        self._make_room()
        shard = self._opened(entry, manifest, self._verify)
        with self._lock:
            return self._shards.setdefault(entry.key, shard)

    def stored(self, entry: ShardEntry, manifest: Manifest) -> Shard:
        """Return a shard as it is stored now, every byte compared: no copy that this machine has kept of it.

        Raises:
            InvalidInputError: If it is gone because the generation was vacuumed.
            CorruptIndexError: If it is missing or damaged.
        """
        for name in filter(None, (entry.name, entry.tombstones_name)):
            self._store.discard(name)
        return self._opened(entry, manifest, verify=True)

    def _opened(self, entry: ShardEntry, manifest: Manifest, verify: bool) -> Shard:
        """Open a shard, and say so where its generation was vacuumed."""
        try:
            return open_entry(self._store, entry, manifest.layout, manifest.keys, verify=verify)
        except MissingFileError:
            if self._store.size(manifest_name(manifest.generation)) is None:
                raise InvalidInputError(
                    f"{self._store}: generation {manifest.generation} was vacuumed; open the index again"
                ) from None
            raise

    def keep(self, entries: Iterable[ShardEntry]) -> None:
        """Close all shards but those of some entries."""
        kept = {entry.key for entry in entries}
        with self._lock:
            for key in [key for key in self._shards if key not in kept]:
                del self._shards[key]

    def _make_room(self) -> None:
        """Close the shards used least recently where one more would be too many."""
        with self._lock:
            if len(self._shards) >= self._most:
                self._most = _most_open(len(self._shards) + 1)
            while len(self._shards) >= self._most:
                self._shards.popitem(last=False)


def _fresh(store: Store, verify: bool) -> OpenShards:
    return OpenShards(store, verify=verify)


def _most_open(wanted: int) -> int:
    """Return how many shards may be open, after raising the soft limit of descriptors if so many need it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft // 2 < wanted and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else max(soft // 2, 1)
