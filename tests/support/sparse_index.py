"""An index of sparse codes with every structure, and answers by the definition."""

import numpy as np
from oracle import as_integers, ranking

import indexer
from hashcore import codes
from indexer.search.sparse import SparseSearcher
from indexer.structures.planning import plan_layout

ITEMS, QUERIES = 150, 6


def sparse_bits(rng, items, code_length, share, skew):
    """Bits of which about `share` are set, with an empty code, a full one, and duplicates."""
    if skew == "clustered":
        centers = rng.random((6, code_length)) < share
        flips = rng.random((items, code_length)) < share * rng.choice([0.0, 0.1, 0.5], (items, 1))
        bits = centers[rng.integers(0, 6, items)] ^ flips
    else:
        weights = np.ones(code_length) if skew == "uniform" else 1 / np.arange(1, code_length + 1)
        chance = np.minimum(share * code_length * weights / weights.sum(), 0.9)
        bits = rng.random((items, code_length)) < rng.permutation(chance)
    bits[0], bits[1] = 0, 1
    bits[2:5] = bits[0], bits[1], bits[-1]
    return bits


def drawn(code_length, share=0.05, skew="uniform", items=ITEMS, seed=0):
    """Ids in no order, codes, and queries: codes of the database, some of them with a few flips."""
    rng = np.random.default_rng(seed)
    bits = sparse_bits(rng, items, code_length, share, skew)
    asked = bits[np.r_[0:2, rng.integers(0, items, QUERIES - 2)]].copy()
    asked[3:, rng.integers(0, code_length, 2)] ^= True
    ids = rng.permutation(10 * items)[:items].astype(np.int64) - 3 * items
    return ids, codes.pack(bits), codes.pack(asked)


def built(root, ids, database, code_length, route=None, kind="sparse", rows_per_shard=ITEMS):
    """An index whose shards have every structure whatever their size; every query takes the route."""
    planned = plan_layout(
        database, code_length=code_length, rows_per_shard=len(ids), scan_below=0, kind=kind, signatures=True
    )
    layout = planned.model_copy(update={"lists": True})
    index = indexer.build(
        str(root), ids, database, code_length=code_length, rows_per_shard=rows_per_shard, layout=layout, kind=kind
    )
    for number in range(len(index.shards)):
        shard = index.open_shard(number)
        assert isinstance(shard.searcher, SparseSearcher) and "lists.bytes" in shard.contents.file.arrays
        shard.searcher.route = route
    return index


def truth(ids, database, queries):
    integers = as_integers(database)
    return [ranking(ids.tolist(), integers, query) for query in as_integers(queries)]
