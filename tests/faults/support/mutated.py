"""Mutated indexes are opened and asked everything: each answer is right or an error of one line, and none takes long.

`python mutated.py FIRST COUNT FOLDER [MOST_BYTES]` tries the mutations FIRST, FIRST + 1, … It prints `try NUMBER`
before each and, after it, a line of JSON: what was done, what came of it, and what must not have. A crash or a hang
ends the process, and `try NUMBER` told which it was.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    import sanitized  # noqa: F401  # first, so that the usual modules are not loaded

from mutations import Mutations
from subjects import Subject

import indexer
from hashcore.errors import HashcoreError
from hashcore.labels import Labels
from indexer.search.plan import Costs
from indexer.search.sparse import ROUTES, SparseSearcher
from indexer.shards import contents
from indexer.storage import array_file

MOST_S = 10
SMALL_SHARE = 0.2  # of the mutated shards, which are looked over when opened


class Trial:
    """One mutated index, and what came of asking it."""

    def __init__(self, subject: Subject, root: Path) -> None:
        self.subject, self.root = subject, str(root)
        self.refused: list[str] = []
        self.wrong: list[str] = []

    def ask(self, name: str, action: Callable[[], Any]) -> Any:
        """Return what an action does, None where it is refused; note what is neither."""
        try:
            return action()
        except HashcoreError as error:
            if len(str(error).splitlines()) != 1 or len(str(error)) > 2_000:
                self.wrong.append(f"{name}: {type(error).__name__} of more than a line: {str(error)[:500]!r}")
            self.refused.append(f"{name}: {str(error).replace(self.root, '')[:160]}")
        except Exception:
            self.wrong.append(f"{name}: {traceback.format_exc()[-1500:]}")
        return None

    def run(self, dice: np.random.Generator) -> str:
        """Ask everything; return how far the index was believed."""
        index = self.ask("open", lambda: indexer.open(self.root))
        if index is None:
            return "not opened"
        shard = self.ask("open_shard", lambda: index.open_shard(0))
        verified = self.ask("verify", lambda: index.verify(3))
        if shard is not None and shard.contents.layout.code_length == index.code_length:
            self._search(index, shard, dice)
        if verified is not None:
            self.ask("oracle", lambda: self._compare(index))
        self._change(dice)
        return "verified" if verified is not None else "opened" if shard is not None else "no shard"

    def _queries(self, index) -> np.ndarray:
        width = -(-index.code_length // 8)
        queries = np.resize(self.subject.queries, (len(self.subject.queries), width))
        if index.code_length % 8:
            queries[:, -1] &= (1 << index.code_length % 8) - 1
        return queries

    def _search(self, index, shard, dice) -> None:
        """Ask one shard by every route, and for all that it holds."""
        length, queries = index.code_length, self._queries(index)
        threads = 1 if dice.random() < 0.9 else 2
        radii = sorted({0, 3, length // 8, length})
        for radius in radii:
            self.ask("range_search", lambda r=radius: index.range_search(queries, r, threads=threads))
        self.ask("explain", lambda: index.explain(queries, 3, threads=threads))
        for k in (1, 200):
            self.ask("knn_search", lambda k=k: index.knn_search(queries, min(k, len(index)), threads=threads))
        for route in ROUTES if isinstance(shard.searcher, SparseSearcher) else ():
            shard.searcher.route = route
            self.ask(f"by {route}", lambda: [shard.range_search(queries, r, threads=threads) for r in radii[:3]])
            self.ask(f"k by {route}", lambda: shard.knn_search(queries, 10, threads=threads))
        if not isinstance(shard.searcher, SparseSearcher):
            shard.searcher.costs = Costs(scan=1e6)
            self.ask("by tables", lambda: [shard.range_search(queries, r, threads=threads) for r in radii[:3]])
            self.ask("k by tables", lambda: shard.knn_search(queries, 10, threads=threads))
        for name in ("codes", "row_codes", "labels"):
            self.ask(name, getattr(shard.contents, name))
        self.ask("ids", lambda: shard.contents.ids)
        self.ask("codes_of", lambda: shard.contents.codes_of(shard.contents.live.find(shard.contents.ids[::5])))
        self.ask("histograms", lambda: shard.contents.distance_histograms(queries, threads=threads))
        if shard.contents.key_spec is not None:
            self._search_keys(index, shard)
        if shard.contents.has_labels:
            self.ask("masks", lambda: shard.contents.labels().to_masks(np.arange(3, dtype=np.int32)))

    def _search_keys(self, index, shard) -> None:
        """Ask for the keys of items, and for items by their keys."""
        ids = shard.contents.ids
        for name, call in (
            ("keys", lambda: index.keys(np.append(ids, -1))),
            ("keys of a shard", lambda: [shard.contents.keys(), shard.contents.keys_of(ids[::3])]),
            ("items by keys", lambda: index.contains(np.array(["more 1", "ключ 1"], object))),
            ("codes by keys", lambda: index.codes(ids[::7])),
            ("deleted", lambda: index.deleted_in(np.array(["more 1", "no"], object))),
        ):
            self.ask(name, call)

    def _change(self, dice) -> None:
        """Append, delete and compact, each on what is left of the one before."""
        held = self._held()
        some = dice.choice(held, 5, replace=False)
        new = (
            np.array([f"new {n}" for n in range(5)], object)
            if held.dtype == object
            else held.max() + 10**6 + np.arange(5)
        )
        width = self.subject.queries.shape[1]
        code = np.zeros((5, width), np.uint8)
        labels = Labels.from_lists([[1]] * 5) if "label_offsets" in self.subject.arrays else None
        self.ask("append what is there", lambda: indexer.open(self.root).append(some, code, labels))
        self.ask("append", lambda: indexer.open(self.root).append(new, code, labels))
        self.ask("delete", lambda: indexer.open(self.root).delete(held[::11]))
        self.ask("compact", lambda: indexer.open(self.root).compact())
        self.ask("vacuum", lambda: indexer.open(self.root).vacuum(older_than_s=0))

    def _held(self) -> np.ndarray:
        """Return ids, or keys, of the items in the shard before it was mutated."""
        arrays = self.subject.arrays
        if "keys" not in self.subject.facts:
            return arrays["ids"].astype(np.int64) + self.subject.facts["id_base"]
        keys = [arrays["keys.bytes"][a:b].tobytes().decode() for a, b in pairwise(arrays["keys.offsets"].tolist())]
        return np.array(keys, object)

    def _compare(self, index) -> None:
        """Note every answer of a verified index that is not that of a scan over what it holds."""
        shards = [index.open_shard(number) for number in range(len(index.shards))]
        ids = np.concatenate([shard.contents.ids for shard in shards])
        code, queries = np.concatenate([shard.contents.row_codes() for shard in shards]), self._queries(index)
        if len(np.unique(ids)) < len(ids):  # in shards that were verified one by one
            return
        apart = [np.bitwise_count(code ^ query).sum(axis=1, dtype=np.int64) for query in queries]
        orders = [np.lexsort((ids, distances)) for distances in apart]
        ways: list[tuple[str, Callable[[], None]]] = [("usual", lambda: None)]
        search = shards[0].searcher
        if isinstance(search, SparseSearcher):
            ways += [(route, lambda route=route: setattr(search, "route", route)) for route in ROUTES]
        else:
            ways += [("tables", lambda: setattr(search, "costs", Costs(scan=1e6)))]
        for way, take in ways:
            take()
            for radius in sorted({0, 2, index.code_length // 8, index.code_length}):
                found = index.range_search(queries, radius)
                wanted = [order[distances[order] <= radius] for order, distances in zip(orders, apart, strict=True)]
                self._expect(f"{way}, radius {radius}", found, ids, apart, wanted)
            k = min(10, len(index))
            self._expect(f"{way}, k {k}", index.knn_search(queries, k), ids, apart, [order[:k] for order in orders])

    def _expect(self, what, found, ids, apart, wanted) -> None:
        """Note an answer to one of the queries that is not what is wanted."""
        for number, (distances, rows) in enumerate(zip(apart, wanted, strict=True)):
            got_ids, got = found.of(number)
            if not np.array_equal(got_ids, ids[rows]) or not np.array_equal(got, distances[rows]):
                self.wrong.append(f"verified, but {what}: query {number} got {len(got)} of {len(rows)} or others")
                return


def bounded(most_bytes: int) -> None:
    """Let this process grow by no more than some bytes."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + most_bytes, resource.RLIM_INFINITY))


def outside_the_map() -> None:
    """Give each array memory of its own, so that AddressSanitizer knows where it ends."""
    view = array_file.ArrayFile._view

    def copied(self, base, entry):
        array = view(self, base, entry).copy()
        array.setflags(write=False)
        return array

    array_file.ArrayFile._view = copied


def main(first: int, count: int, folder: Path, most_bytes: int) -> None:
    """Try some mutations."""
    os.fsync = lambda file: None
    usual = contents.VERIFIED_ON_OPEN_BYTES
    mutations = Mutations(folder)
    if "HASHCORE_SANITIZED" in os.environ:
        outside_the_map()
    else:
        bounded(most_bytes)
    for number in range(first, first + count):
        print(f"try {number}", flush=True)
        dice = np.random.default_rng([number, 1])
        subject, root, done = mutations.apply(number)
        contents.VERIFIED_ON_OPEN_BYTES = usual if dice.random() < SMALL_SHARE else 0
        faulthandler.dump_traceback_later(MOST_S, exit=True)
        start, trial = time.perf_counter(), Trial(subject, root)
        outcome = trial.run(dice)
        faulthandler.cancel_dump_traceback_later()
        told = {"number": number, "done": done, "outcome": outcome, "seconds": time.perf_counter() - start}
        print(json.dumps({**told, "refused": trial.refused, "wrong": trial.wrong}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 3 << 30)
