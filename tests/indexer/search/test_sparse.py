"""Search over fold tables, signatures and inverted lists of sparse codes against the definition, by every route."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import pairs
from sparse_index import ITEMS, QUERIES, built, drawn, truth

import indexer
from hashcore import codes, hamming
from hashcore.errors import InvalidInputError
from indexer.search.sparse import ROUTES, SparseCosts
from indexer.structures.planning import plan_layout
from indexer.structures.signatures import Block

SKEWS = ("uniform", "zipf", "clustered")


@pytest.fixture(params=hamming.available_isas())
def isa(request, monkeypatch):
    monkeypatch.setenv("HASHCORE_ISA", request.param)
    return request.param


@given(
    code_length=st.one_of(st.sampled_from([8, 12, 31, 63, 64, 65, 128, 512, 4096]), st.integers(8, 300)),
    share=st.sampled_from([0.01, 0.03, 0.1, 0.3]),
    skew=st.sampled_from(SKEWS),
    route=st.sampled_from([None, *ROUTES]),
    rows_per_shard=st.sampled_from([40, ITEMS]),
    seed=st.integers(0, 999),
    data=st.data(),
)
@settings(max_examples=60)
def test_every_route_equals_the_oracle(tmp_path_factory, code_length, share, skew, route, rows_per_shard, seed, data):
    ids, database, queries = drawn(code_length, share, skew, seed=seed)
    index = built(
        tmp_path_factory.mktemp("index"), ids, database, code_length, route=route, rows_per_shard=rows_per_shard
    )
    expected = truth(ids, database, queries)
    for radius in {0, 1, 2, 3, 4, data.draw(st.integers(0, code_length)), code_length}:
        if radius > code_length:
            continue
        found = index.range_search(queries, radius)
        for i, ranked in enumerate(expected):
            assert pairs(found, i) == [pair for pair in ranked if pair[0] <= radius]
    assert len(index.range_search(queries, code_length).ids) == ITEMS * QUERIES
    for k in {1, 2, 5, data.draw(st.integers(1, ITEMS)), ITEMS}:
        found = index.knn_search(queries, k)
        assert [pairs(found, i) for i in range(QUERIES)] == [ranked[:k] for ranked in expected]


@pytest.mark.parametrize("route", ROUTES)
def test_every_instruction_set_finds_the_same_by_every_route(tmp_path, isa, route):
    ids, database, queries = drawn(100, items=2000, skew="zipf")
    index = built(tmp_path / "index", ids, database, 100, route=route, rows_per_shard=2000)
    expected = truth(ids, database, queries)
    for radius in (0, 1, 2, 4):
        found = index.range_search(queries, radius, threads=1)
        assert len(found.ids) >= QUERIES - 1
        assert [pairs(found, i) for i in range(QUERIES)] == [[p for p in r if p[0] <= radius] for r in expected]
    assert pairs(index.knn_search(queries, 60), 4) == expected[4][:60]


@pytest.mark.parametrize(("route", "radius"), [(route, 4) for route in ROUTES])
def test_explain_says_which_route_was_taken_and_what_it_did(tmp_path, route, radius):
    ids, database, queries = drawn(512, items=3000)
    index = built(tmp_path / "index", ids, database, 512, route=route, rows_per_shard=3000)
    (plan,) = index.explain(queries, radius)
    assert plan.neighbors == len(index.range_search(queries, radius).ids) >= QUERIES - 1
    assert plan.reason.startswith(route)
    assert plan.is_scan == (route == "scan")
    planned = index.open_shard(0).plan(queries, radius)
    assert planned.reason() == plan.reason
    assert planned.is_scan == plan.is_scan
    if route != "scan":
        assert all(table.name.startswith("block" if route == "signatures" else route) for table in plan.tables)
        assert sum(table.verified for table in plan.tables) <= sum(table.candidates for table in plan.tables)
        assert sum(table.verified for table in plan.tables) > 0


def test_costs_choose_the_route(tmp_path):
    ids, database, queries = drawn(512, items=3000)
    index = built(tmp_path / "index", ids, database, 512, rows_per_shard=3000)
    shard, dear = index.open_shard(0), SparseCosts(*[1e9] * len(SparseCosts._fields))
    for step, route in {"look_up": "folds", "probe": "signatures", "posting": "lists", "folded": "fold scan"}.items():
        shard.searcher.costs = dear._replace(candidate=1, verify=1, **{step: 1e-3})
        assert index.explain(queries[4:], 2)[0].reason.startswith(f"{route} for 2 of 2 queries")
    shard.searcher.costs = dear._replace(scanned=1e-3)
    assert index.explain(queries[4:], 2)[0].reason.startswith("scan")


def test_blocks_of_very_few_bits_lose_nothing(tmp_path):
    ids, database, queries = drawn(12, share=0.3)
    layout = plan_layout(database, code_length=12, rows_per_shard=ITEMS, scan_below=0, kind="sparse", signatures=True)
    blocks = (Block(begin=0, end=2, bits=4), Block(begin=2, end=3, bits=4), Block(begin=3, end=12, bits=6))
    layout = layout.model_copy(update={"blocks": blocks})
    index = indexer.build(str(tmp_path / "index"), ids, database, code_length=12, kind="sparse", layout=layout)
    index.open_shard(0).searcher.route = "signatures"
    expected = truth(ids, database, queries)
    for radius in range(12):
        found = index.range_search(queries, radius)
        assert [pairs(found, i) for i in range(QUERIES)] == [[p for p in r if p[0] <= radius] for r in expected]


def test_ternary_codes_are_searched_by_the_l1_distance_of_their_values(tmp_path):
    rng = np.random.default_rng(4)
    values = rng.choice([-1, 0, 1], (300, 90), p=[0.05, 0.9, 0.05])
    asked = values[:5].copy()
    asked[:, :2] = 1
    index = built(tmp_path / "index", np.arange(300), codes.pack_ternary(values), 180, kind="ternary")
    assert index.kind == "ternary" and len(index.shards) == 2
    distance = np.abs(asked[:, None] - values).sum(axis=2)
    for radius in (0, 2, 3, 9):
        found = index.range_search(codes.pack_ternary(asked), radius)
        assert (np.sort(found.ids[: found.offsets[1]]) == np.flatnonzero(distance[0] <= radius)).all()
        assert found.counts().tolist() == (distance <= radius).sum(axis=1).tolist()
    nearest = index.knn_search(codes.pack_ternary(asked), 7)
    assert (nearest.distances.reshape(5, 7) == np.sort(distance, axis=1)[:, :7]).all()


def test_answers_depend_neither_on_shards_nor_on_the_order_of_rows_nor_on_threads(tmp_path):
    ids, database, queries = drawn(200, items=1000, skew="zipf")
    one = built(tmp_path / "one", ids, database, 200, rows_per_shard=1000)
    order = np.random.default_rng(5).permutation(1000)
    other = built(tmp_path / "other", ids[order], database[order], 200, rows_per_shard=90)
    for radius in (0, 2, 7):
        a, b = one.range_search(queries, radius, threads=1), other.range_search(queries, radius, threads=3)
        assert len(a.ids) > 0 and a.ids.tolist() == b.ids.tolist() and a.offsets.tolist() == b.offsets.tolist()


@pytest.mark.parametrize("route", ["folds", "lists"])
def test_codes_that_share_a_fold_are_told_apart(tmp_path, route):
    rng = np.random.default_rng(9)
    first = rng.integers(0, 64, (1500, 1)) + 64 * rng.permuted(np.tile(np.arange(32), (1500, 1)), axis=1)[:, :2]
    bits = np.zeros((1500, 2048), bool)
    np.put_along_axis(bits, first, True, axis=1)  # two bits whose words cancel: every fold is 0
    bits[-3:, 5] = True
    ids, database, queries = rng.permutation(1500), codes.pack(bits), codes.pack(bits[-QUERIES:])
    layout = plan_layout(database, code_length=2048, rows_per_shard=1500, kind="sparse")
    layout = layout.model_copy(update={"bit_order": tuple(range(2048))})
    index = indexer.build(str(tmp_path / "index"), ids, database, code_length=2048, kind="sparse", layout=layout)
    shard = index.open_shard(0)
    shard.searcher.route = route
    assert (shard.contents.file.arrays["folds.before"] == 255).any()
    expected = truth(ids, database, queries)
    for radius in (0, 1, 2, 4):
        found = index.range_search(queries, radius)
        assert [pairs(found, i) for i in range(QUERIES)] == [[p for p in r if p[0] <= radius] for r in expected]
    assert pairs(index.knn_search(queries, 30), 2) == expected[2][:30]


def test_an_answer_larger_than_the_budget_is_searched_in_smaller_blocks(tmp_path):
    ids, database, queries = drawn(32)
    index = built(tmp_path / "index", ids, database, 32)
    blocks = list(index.iter_range_search(queries, 32, max_bytes=48 * 2 * ITEMS))
    assert len(blocks) > 1 and sum(len(found.ids) for _, found in blocks) == ITEMS * QUERIES
    with pytest.raises(InvalidInputError, match="query 0 has more than 149 neighbors"):
        list(index.iter_range_search(queries, 32, max_bytes=48 * (ITEMS - 1)))
