"""Search over tables and shards against the definition, for every instruction set, and what must not change answers."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import CODE_LENGTHS, as_integers, clustered_bits, pairs, ranking

import indexer
from hashcore import codes, hamming
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.neighbors import Neighbors
from indexer.search.dense import DenseRange
from indexer.search.plan import Allocation, Costs, allocate
from indexer.structures.planning import plan_layout

ITEMS, QUERIES = 211, 7
TABLES_ALWAYS = Costs(probe=1e-6, candidate=1e-6, scan=1e9)


@pytest.fixture(params=hamming.available_isas())
def isa(request, monkeypatch):
    monkeypatch.setenv("HASHCORE_ISA", request.param)
    return request.param


def drawn(code_length, items=ITEMS, seed=0):
    rng = np.random.default_rng(seed)
    database = codes.pack(clustered_bits(rng, items, code_length))
    queries = codes.pack(clustered_bits(rng, QUERIES, code_length))
    queries[:3] = database[:3]
    ids = rng.permutation(10 * items)[:items].astype(np.int64) - 3 * items
    return ids, database, queries


def built(root, ids, database, code_length, costs=TABLES_ALWAYS, rows_per_shard=90):
    """An index whose shards have tables whatever their size, and use them whatever the radius."""
    layout = plan_layout(database, code_length=code_length, rows_per_shard=len(ids), scan_below=0)
    index = indexer.build(
        str(root), ids, database, code_length=code_length, rows_per_shard=rows_per_shard, layout=layout
    )
    for number in range(len(index.shards)):
        shard = index.open_shard(number)
        assert shard.searcher.tables
        shard.searcher.costs = costs
    return index


def truth(ids, database, queries):
    integers = as_integers(database)
    return [ranking(ids.tolist(), integers, query) for query in as_integers(queries)]


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_range_search_by_tables_equals_the_oracle_at_every_radius(tmp_path, isa, code_length):
    ids, database, queries = drawn(code_length)
    index = built(tmp_path / "index", ids, database, code_length)
    expected = [np.array(ranked) for ranked in truth(ids, database, queries)]
    by_table = 0
    for radius in range(code_length + 1):
        found = index.range_search(queries, radius)
        by_table += radius < 12 and not index.open_shard(0).plan(queries, radius).is_scan
        for i, ranked in enumerate(expected):
            within = ranked[: np.searchsorted(ranked[:, 0], radius, side="right")]
            assert np.array_equal(found.of(i), within.T[::-1])
    assert by_table > min(code_length, 8)
    assert len(found.ids) == ITEMS * QUERIES


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_knn_search_by_tables_equals_the_oracle_for_every_k(tmp_path, isa, code_length):
    ids, database, queries = drawn(code_length)
    index = built(tmp_path / "index", ids, database, code_length)
    expected = truth(ids, database, queries)
    for k in [*range(1, 40), ITEMS // 2, ITEMS - 1, ITEMS]:
        found = index.knn_search(queries, k)
        for i, ranked in enumerate(expected):
            assert pairs(found, i) == ranked[:k]


@pytest.mark.parametrize("code_length", [12, 64, 128])
def test_knn_search_that_falls_back_to_the_scan_equals_the_oracle(tmp_path, isa, code_length):
    ids, database, queries = drawn(code_length)
    index = built(tmp_path / "index", ids, database, code_length, Costs(probe=1.0, candidate=1.0, scan=0.5))
    expected = truth(ids, database, queries)
    for k in (1, 5, 50, ITEMS):
        found = index.knn_search(queries, k)
        assert [pairs(found, i) for i in range(QUERIES)] == [ranked[:k] for ranked in expected]


@given(data=st.data())
@settings(max_examples=60)
def test_any_split_of_the_radius_over_the_tables_finds_everything(tmp_path_factory, data):
    code_length = data.draw(st.sampled_from([32, 64, 100, 128]))
    ids, database, queries = drawn(code_length, seed=data.draw(st.integers(0, 99)))
    index = built(tmp_path_factory.mktemp("index"), ids, database, code_length, rows_per_shard=ITEMS)
    shard = index.open_shard(0)
    tables = len(shard.searcher.tables)
    radii = data.draw(st.lists(st.integers(-1, 3), min_size=tables, max_size=tables))
    radius = sum(r + 1 for r in radii) - 1
    assume(radius >= 0)
    plan = Allocation(tuple(radii), (0,) * tables, (0.0,) * tables, 0.0, 1.0)
    search = DenseRange(shard.searcher, shard.contents.query_rows(queries), radius, plan, 1)
    found = search.answer(slice(None), 1 << 30)
    reason, work = search.explained()
    assert "scan:" not in reason
    assert [table.probes > 0 for table in work] == [r >= 0 for r in radii]
    expected = truth(ids, database, queries)
    for i, ranked in enumerate(expected):
        assert pairs(found, i) == [pair for pair in ranked if pair[0] <= radius]


def same(one: Neighbors, other: Neighbors) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("offsets", "ids", "distances"))


@pytest.mark.parametrize("rows_per_shard", [1, 7, ITEMS])
def test_answers_depend_neither_on_shards_nor_on_the_order_of_rows_nor_on_threads(tmp_path, rows_per_shard):
    ids, database, queries = drawn(48)
    one = built(tmp_path / "one", ids, database, 48, rows_per_shard=ITEMS)
    order = np.random.default_rng(5).permutation(ITEMS)
    other = built(tmp_path / "other", ids[order], database[order], 48, rows_per_shard=rows_per_shard)
    for radius in (0, 3, 11):
        assert same(one.range_search(queries, radius, threads=1), other.range_search(queries, radius, threads=3))
    for k in (1, 9, ITEMS):
        assert same(one.knn_search(queries, k, threads=1), other.knn_search(queries, k, threads=3))


def test_big_batches_swept_region_by_region_equal_the_linear_scan(tmp_path):
    rng = np.random.default_rng(3)
    database = rng.integers(0, 256, (120_000, 8), np.uint8)
    queries = database[rng.integers(0, len(database), 20_000)]
    queries[np.arange(len(queries)), rng.integers(0, 8, len(queries))] ^= np.uint8(0b1001)
    layout = plan_layout(database, code_length=64, rows_per_shard=len(database), scan_below=0)
    index = indexer.build(str(tmp_path / "index"), np.arange(len(database)), database, code_length=64, layout=layout)
    index.open_shard(0).searcher.costs = TABLES_ALWAYS
    for radius in (2, 6):
        scanned = hamming.range_search(database, queries[:300], radius)
        assert same(Neighbors.concatenate([index.range_search(queries[:300], radius)]), scanned)
        swept = index.range_search(queries, radius)
        assert same(
            Neighbors(swept.offsets[:301], swept.ids[: len(scanned.ids)], swept.distances[: len(scanned.ids)]), scanned
        )
    plan = index.explain(queries, 6)[0]
    assert sum(table.probes for table in plan.tables) > len(database)  # enough for the sweep by regions


def test_xor_mask_and_bit_permutation_change_no_answer(tmp_path):
    ids, database, queries = drawn(100, items=500)
    rng = np.random.default_rng(2)
    mask, order = rng.integers(0, 2, 100), rng.permutation(100)
    moved = [codes.pack((codes.unpack(c, 100) ^ mask)[:, order]) for c in (database, queries)]
    before = built(tmp_path / "before", ids, database, 100)
    after = built(tmp_path / "after", ids, moved[0], 100)
    for radius in (0, 4, 20):
        assert same(before.range_search(queries, radius), after.range_search(moved[1], radius))
    assert same(before.knn_search(queries, 17), after.knn_search(moved[1], 17))


def test_an_answer_larger_than_the_budget_is_searched_in_smaller_blocks(tmp_path):
    ids, database, queries = drawn(32)
    index = built(tmp_path / "index", ids, database, 32, rows_per_shard=ITEMS)
    shard = index.open_shard(0)
    whole = shard.range_search(queries, 32)
    assert len(whole.ids) == ITEMS * QUERIES
    assert same(whole, shard.range_search(queries, 32, max_bytes=48 * 2 * ITEMS))
    blocks = list(index.iter_range_search(queries, 32, max_bytes=48 * 2 * ITEMS))
    assert [start for start, _ in blocks] == [0, 1, 2, 3, 4, 5, 6]
    assert same(whole, Neighbors.concatenate([found for _, found in blocks]))
    with pytest.raises(InvalidInputError, match="query 0 has more than 210 neighbors"):
        shard.range_search(queries, 32, max_bytes=48 * (ITEMS - 1))


def test_a_crowd_of_equal_codes_is_answered_by_id(tmp_path):
    database = np.zeros((5000, 8), np.uint8)
    database[4000:, 0] = 1
    ids = np.arange(5000)[::-1].copy()
    index = built(tmp_path / "index", ids, database, 64, rows_per_shard=5000)
    assert index.shards[0].distinct == 2
    found = index.knn_search(database[:1], 4001)
    assert found.ids.tolist() == [*range(1000, 5000), 0]
    assert found.distances.tolist() == [0] * 4000 + [1]


@pytest.mark.parametrize(
    ("lowest", "highest"), [(-5_000, 15_000), (0, 10**6), (-(10**12), 10**12), (-(2**63), 2**63 - 1)]
)
def test_thousands_of_neighbors_of_one_query_are_in_order_whatever_the_ids(tmp_path, lowest, highest):
    rng = np.random.default_rng(0)
    database = codes.pack(clustered_bits(rng, 6000, 16))
    ids = np.unique(rng.integers(lowest, highest, 9000, endpoint=True))
    ids = rng.permutation(ids)[:6000]
    queries = database[:3]
    found = indexer.build(str(tmp_path / "index"), ids, database, code_length=16).range_search(queries, 9)
    distances = hamming.knn_search(database, queries, 6000)
    for query in range(3):
        positions, bits = distances.of(query)
        wanted = sorted((int(d), int(ids[p])) for d, p in zip(bits, positions, strict=True) if d <= 9)
        assert len(wanted) > 2000
        assert pairs(found, query) == wanted


def test_long_answers_between_short_ones_are_in_order(tmp_path):
    rng = np.random.default_rng(0)
    database = np.zeros((12_000, 8), np.uint8)
    database[:, 0] = rng.integers(0, 4, len(database))
    database[-5:] = 0xFF
    ids = rng.permutation(len(database))
    queries = database[[-1, 0, -1, 1, 2, -1, -2, 3]]
    found = indexer.build(str(tmp_path / "index"), ids, database, code_length=64).range_search(queries, 1)
    assert sorted(set(found.counts().tolist()))[0] == 5 and found.counts().max() > 4096
    expected = truth(ids, database, queries)
    assert all(pairs(found, q) == [(d, id_) for d, id_ in expected[q] if d <= 1] for q in range(len(queries)))


def test_tables_whose_buckets_turn_out_full_are_given_up_for_a_scan(tmp_path):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (4000, 64))
    bits[:, rng.permutation(64)[:50]] = 0  # a crowd, in few buckets of each table
    database, queries = codes.pack(bits), codes.pack(bits[:200])
    queries[::50] = codes.pack(rng.integers(0, 2, (4, 64)))  # those that the plan samples: far from everything
    index = built(tmp_path / "index", np.arange(4000), database, 64, Costs(), rows_per_shard=4000)
    (plan,) = index.explain(queries, 3)
    assert "turned out so full" in plan.reason
    assert plan.neighbors > 0
    assert same(index.range_search(queries, 3), hamming.range_search(database, queries, 3))


def test_explain_counts_the_work_of_each_table(tmp_path):
    ids, database, queries = drawn(64)
    index = built(tmp_path / "index", ids, database, 64, rows_per_shard=ITEMS)
    (plan,) = index.explain(queries, 7)
    assert not plan.is_scan and plan.rows == ITEMS
    assert sum(table.radius + 1 for table in plan.tables) == 8
    assert plan.neighbors == len(index.range_search(queries, 7).ids) > 0
    for table in plan.tables:
        assert table.probes >= QUERIES * (table.radius >= 0) and table.candidates >= table.verified
        assert table.expected_candidates > 0


def test_far_apart_ids_survive(tmp_path):
    database = codes.pack(np.eye(8, dtype=int))
    ids = np.array([-(2**63), 2**63 - 1, 0, -1, 1, 2**40, -(2**40), 5], np.int64)
    index = indexer.build(str(tmp_path / "index"), ids, database, code_length=8)
    assert sorted(index.range_search(database[:1], 8).ids.tolist()) == sorted(ids.tolist())


@pytest.mark.parametrize(
    ("k", "message"), [(0, "use 1..211"), (212, "k=212 exceeds the 211 codes"), (2.0, "use 1..211")]
)
def test_k_outside_the_index_is_refused_with_both_numbers(tmp_path, k, message):
    ids, database, queries = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    with pytest.raises(InvalidInputError, match=message):
        index.knn_search(queries, k)


def test_queries_of_another_length_and_radii_outside_the_code_are_refused(tmp_path):
    ids, database, queries = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    with pytest.raises(InvalidInputError, match="queries are 4 bytes wide but 64 bits take 8"):
        index.range_search(queries[:, :4], 3)
    for radius in (-1, 65):
        with pytest.raises(InvalidInputError, match=r"use 0\.\.64"):
            index.range_search(queries, radius)
    assert index.range_search(queries[:0], 3).offsets.tolist() == [0]


def test_the_plan_of_a_shard_without_codes_is_explained():
    plan = allocate(3, [8, 8], np.zeros((2, 3)), codes=0, words=1, costs=Costs())
    assert plan.reason(scanned=False).startswith("scan: tables would cost")
    assert replace(plan, radii=(0, 0), tables_ns=0.0).reason(scanned=False).startswith("tables: a scan would cost")


def test_whole_numbers_of_numpy_and_paths_are_taken_as_they_are(tmp_path):
    ids, database, queries = drawn(64)
    index = indexer.build(tmp_path, ids, database, code_length=np.int16(64), rows_per_shard=np.int64(30))
    assert len(index.shards) == 8
    opened = indexer.open(tmp_path, np.int64(1))
    assert np.array_equal(
        opened.range_search(queries, np.uint8(20), threads=np.int32(1)).ids, index.range_search(queries, 20).ids
    )
    assert np.array_equal(opened.knn_search(queries, np.int64(3)).ids, index.knn_search(queries, 3).ids)


@pytest.mark.parametrize("rows_per_shard", [0, -1, True, 30.0, "30", None])
def test_rows_of_a_shard_that_are_no_number_are_refused(tmp_path, rows_per_shard):
    ids, database, _ = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    for call in (
        lambda: indexer.build(tmp_path / "other", ids, database, code_length=64, rows_per_shard=rows_per_shard),
        lambda: index.compact(rows_per_shard),
    ):
        with pytest.raises(InvalidInputError, match=r"rows_per_shard=.*: use a whole number of at least 1"):
            call()


@pytest.mark.parametrize(
    "labels",
    [
        [[1]] * ITEMS,
        np.ones((ITEMS, 3), np.int64),
        Labels.from_lists([[1]]),
        Labels(np.arange(ITEMS + 1), np.ones(3, np.int32)),
    ],
)
def test_labels_that_are_not_labels_of_the_rows_are_refused(tmp_path, labels):
    ids, database, _ = drawn(64)
    index = indexer.build(tmp_path / "index", ids, database, code_length=64, labels=Labels.from_lists([[1]] * ITEMS))
    for call in (
        lambda: indexer.build(tmp_path / "other", ids, database, code_length=64, labels=labels),
        lambda: index.append(ids + 10**6, database, labels),
    ):
        with pytest.raises(InvalidInputError, match="labels"):
            call()


@pytest.mark.parametrize(("name", "value"), [("HASHCORE_ISA", "mmx"), ("HASHCORE_THREADS", "abc")])
def test_a_setting_that_means_nothing_is_refused_by_every_search(tmp_path, monkeypatch, name, value):
    ids, database, queries = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    monkeypatch.setenv(name, value)
    for search in (index.range_search, index.knn_search, index.explain):
        with pytest.raises(InvalidInputError, match=f"{name}='?{value}"):
            search(queries, 3)


def test_a_searched_index_travels_and_an_opened_shard_does_not(tmp_path):
    ids, database, queries = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    found = index.knn_search(queries, 3)
    assert np.array_equal(pickle.loads(pickle.dumps(index)).knn_search(queries, 3).ids, found.ids)
    with pytest.raises(InvalidInputError, match="is an opened shard; pickle its index"):
        pickle.dumps(index.open_shard(0))
