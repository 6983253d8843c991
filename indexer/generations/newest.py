"""Changes of the newest generation: made again of a newer one where another writer commits first."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import LostRaceError, OutputError
from indexer.generations.manifest import Manifest, manifest_name, read_manifest
from indexer.generations.snapshot import Snapshot
from indexer.shards.entry import ShardEntry

TRIES = 200  # of a commit, each of which another writer has won
LONGEST_WAIT_S = 1.0


def on_newest(snapshot: Snapshot, change: Callable[[Snapshot], Manifest]) -> Manifest:
    """Make a change of the newest generation of an index, anew while other writers commit first; return its manifest.

    Raises:
        OutputError: If the change does not apply to what is current, or others were first however often it tried.
    """
    newest = newest_of(snapshot)
    for attempt in range(TRIES):
        try:
            return change(newest)
        except LostRaceError:
            if attempt == TRIES - 1:
                raise
        time.sleep(random.uniform(0, min(0.01 * 2 ** min(attempt, 10), LONGEST_WAIT_S)))
        newest = _followed(newest, read_manifest(snapshot.store))
    raise AssertionError("unreachable")


def newest_of(snapshot: Snapshot) -> Snapshot:
    """Return the current generation of an index, if what was to be done to a generation can be done to that.

    Raises:
        OutputError: If the generation was vacuumed since, or another hasher's codes are current.
    """
    held, newest = snapshot.manifest, read_manifest(snapshot.store)
    if (newest.generation, newest.writer) == (held.generation, held.writer):
        return snapshot.at(held)
    if snapshot.store.size(manifest_name(held.generation)) is None:
        raise _overtaken(snapshot, f"generation {held.generation} was vacuumed")
    return _followed(snapshot, newest)


def _followed(snapshot: Snapshot, newest: Manifest) -> Snapshot:
    """Return the newest generation of an index, if it holds codes of the same nature."""
    if _nature(newest) != _nature(snapshot.manifest):
        raise _overtaken(snapshot, "its index holds codes of another kind, length, hasher or keys")
    return snapshot.at(newest)


def _overtaken(snapshot: Snapshot, said: str) -> OutputError:
    return OutputError(
        f"{snapshot.store}: another writer committed first and {said}; open the index again and repeat the change"
    )


def _nature(manifest: Manifest) -> tuple[object, ...]:
    """Return what the codes of a generation are."""
    layout = manifest.layout
    return layout.code_length, manifest.kind, layout.folds, manifest.hasher_fingerprint, manifest.keys


def shards_with(shards: Sequence[ShardEntry], ids: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the shards that may hold one of some ids, int64 of shape (n,)."""
    if not len(ids):
        return []
    first, last = int(ids.min()), int(ids.max())
    return [number for number, entry in enumerate(shards) if entry.may_hold(first, last)]
