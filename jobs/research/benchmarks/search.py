"""Range search by tables, one thread, against its peers: faiss's multi-index hash, faiss's scan and our own scan."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import indexer
from hashcore import hamming
from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors
from indexer import Shard
from jobs.machine import dense_codes
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.research.benchmarks.peers import FaissFlat, FaissMultiHash, ordered
from jobs.stages import codes_directory

ROUNDS = 3
KINDS = ("planted", "uniform", "learned")
PEERS = ("multihash", "flat", "scan")
CODES = 16_000_000
SHARES = {64: 1.0, 128: 0.625, 256: 0.25}  # of the codes asked for, so that each length takes about the same memory
RADII = {64: (2, 5, 8), 128: (4, 9), 256: (9, 19)}
QUERIES = 200_000
SLOW_QUERIES = 10_000  # where one of the peer's takes milliseconds
SCAN_QUERIES = 1_000
SLOW_RADIUS = {64: 8}
FLIPS = 4


@dataclass(frozen=True)
class Options:
    """Options of the benchmark.

    Attributes:
        codes: Of the database.
        bits: Code lengths.
        radii: In bits; those usual for each length where none are given.
        kind: planted: uniform codes, queries up to 4 bits from some of them; uniform: queries are uniform too; learned:
            codes directories, `database` and `query_set`, of a trained hasher.
        peers: Of PEERS.
        queries: How many; as many as the peer answers in half a minute where not given.
    """

    codes: int = CODES
    bits: tuple[int, ...] = tuple(RADII)
    radii: tuple[int, ...] = ()
    kind: str = "planted"
    peers: tuple[str, ...] = ("multihash",)
    queries: int | None = None
    database: str | None = None
    query_set: str | None = None


class Peer(NamedTuple):
    """A peer, its answer as it gives it, and that answer in our form."""

    name: str
    search: Callable[[Codes, int], Any]
    form: Callable[[Any], Neighbors]


class Corpus(NamedTuple):
    """Codes to search and how to make queries of them."""

    codes: Codes
    queries: Callable[[int, int], Codes]  # of a number and a radius


def run(options: Options | None = None) -> Iterator[Comparison]:
    """Yield a row for each code length, peer and radius, answers asserted equal first.

    Raises:
        InvalidInputError: If learned codes are asked for without their directories.
    """
    options = options or Options()
    rng = np.random.default_rng(0)
    for corpus in corpora(rng, options):
        code_length = 8 * corpus.codes.shape[1]
        with tempfile.TemporaryDirectory() as root:
            ids = np.arange(len(corpus.codes))
            shard = indexer.build(root, ids, corpus.codes, code_length=code_length).open_shard(0)
            for name in options.peers:
                peer = open_peer(name, corpus.codes)
                for radius in options.radii or RADII.get(code_length, (2, code_length // 16)):
                    asked = corpus.queries(options.queries or affordable(name, code_length, radius), radius)
                    yield compare_search(shard, peer, asked, radius, options.kind)


def corpora(rng: np.random.Generator, options: Options) -> Iterator[Corpus]:
    """Yield the codes of each length to measure."""
    if options.kind == "learned":
        if not options.database or not options.query_set:
            raise InvalidInputError("learned codes: name two codes directories by --database and --query-set")
        found, asked = (codes_directory.read(path).codes for path in (options.database, options.query_set))
        yield Corpus(found, lambda count, _: asked[:count])
        return
    for code_length in options.bits:
        made = dense_codes.uniform(rng, int(options.codes * SHARES.get(code_length, 64 / code_length)), code_length)
        if options.kind == "uniform":
            yield Corpus(made, partial(_drawn, rng, code_length))
        else:
            yield Corpus(made, partial(_planted, rng, made))


def _drawn(rng: np.random.Generator, code_length: int, count: int, _radius: int) -> Codes:
    """Return uniform queries, whatever the radius."""
    return dense_codes.uniform(rng, count, code_length)


def _planted(rng: np.random.Generator, codes: Codes, count: int, radius: int) -> Codes:
    """Return queries that lie within the radius of some codes."""
    return dense_codes.near_duplicates(rng, codes, count, min(radius, FLIPS))


def open_peer(name: str, codes: Codes) -> Peer:
    """Return a peer that holds the codes, to be searched with one thread."""
    if name == "scan":
        return Peer("our scan", lambda queries, radius: hamming.range_search(codes, queries, radius, threads=1), _same)
    faiss = FaissFlat(codes) if name == "flat" else FaissMultiHash(codes, *multihash_shape(8 * codes.shape[1]))
    return Peer(faiss.name, faiss.raw_range_search, lambda found: ordered(*found))


def multihash_shape(code_length: int) -> tuple[int, int]:
    """Return tables × bits of faiss's multi-index hash that suit about 10⁷ codes: tables × bits ≤ code_length."""
    known = {64: (3, 21), 128: (5, 25), 256: (10, 22)}
    tables = -(-code_length // 24)
    return known.get(code_length, (tables, code_length // tables))


def affordable(peer: str, code_length: int, radius: int) -> int:
    """Return as many queries as a peer answers in about half a minute."""
    if peer != "multihash":
        return SCAN_QUERIES
    return SLOW_QUERIES if radius >= SLOW_RADIUS.get(code_length, code_length) else QUERIES


def compare_search(shard: Shard, peer: Peer, queries: Codes, radius: int, kind: str) -> Comparison:
    """Return the row of one radius."""
    plan, held = shard.plan(queries, radius), shard.contents
    way = "scan" if plan.is_scan else "tables"
    return compare(
        f"{way}, {held.rows:,} x {held.layout.code_length} bits, {kind}, radius {radius}",
        peer.name,
        lambda: shard.range_search(queries, radius, threads=1),
        lambda: peer.search(queries, radius),
        equal=lambda ours, theirs: same_neighbors(ours, peer.form(theirs)) and (kind == "uniform" or len(ours.ids) > 0),
        rounds=ROUNDS,
        codes=held.rows,
        distinct=held.distinct,
        code_length=held.layout.code_length,
        radius=radius,
        queries=len(queries),
        data=kind,
        plan=list(plan.radii),
    )


def _same(found: Neighbors) -> Neighbors:
    return found
