"""Search over fold tables, signatures and inverted lists of sparse codes against the definition, by every route."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import as_integers, pairs, ranking

import indexer
from hashcore import codes, hamming
from hashcore.errors import CorruptIndexError, InvalidInputError
from indexer.search.sparse import ROUTES, SparseCosts, SparseSearcher
from indexer.shards.checks import check_arrays, check_structure
from indexer.structures.layout import Layout
from indexer.structures.planning import plan_layout
from indexer.structures.signatures import Block

ITEMS, QUERIES = 150, 6
SKEWS = ("uniform", "zipf", "clustered")


@pytest.fixture(params=hamming.available_isas())
def isa(request, monkeypatch):
    monkeypatch.setenv("HASHCORE_ISA", request.param)
    return request.param


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


def test_lists_hold_each_set_bit_once_in_about_a_byte(tmp_path):
    rng = np.random.default_rng(6)
    bits = rng.random((60_000, 256)) < 8 / 256
    index = indexer.build(str(tmp_path / "index"), np.arange(60_000), codes.pack(bits), code_length=256, kind="sparse")
    arrays = index.open_shard(0).contents.file.arrays
    postings = int(np.unique(bits, axis=0).sum())
    assert int(arrays["lists.counts"].sum()) == postings
    assert len(arrays["lists.bytes"]) < 1.35 * postings  # in classes of some hundred codes most gaps are short still


def test_beside_codes_and_ids_a_set_bit_takes_at_most_1_2_bytes(tmp_path):
    rng = np.random.default_rng(8)
    tokens = rng.permuted(np.tile(np.arange(512), (100_000, 1)), axis=1)[:, :8]
    bits = np.zeros((100_000, 512), bool)
    np.put_along_axis(bits, tokens, True, axis=1)
    index = indexer.build(str(tmp_path / "index"), np.arange(100_000), codes.pack(bits), code_length=512, kind="sparse")
    arrays = index.open_shard(0).contents.file.arrays
    postings = 8 * arrays["codes"].shape[1]
    beside = sum(array.nbytes for name, array in arrays.items() if name not in ("codes", "ids", "row_offsets"))
    assert arrays["folds.tags"].nbytes and arrays["lists.bytes"].nbytes and beside <= 1.21 * postings


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


def test_frequent_tokens_are_listed_by_a_bit_a_code(tmp_path):
    rng = np.random.default_rng(10)
    bits = rng.random((2000, 40)) < np.r_[0.6, 0.3, np.full(38, 0.02)]
    database, ids = codes.pack(bits), np.arange(2000)
    index = built(tmp_path / "index", ids, database, 40, route="lists", rows_per_shard=2000)
    arrays = index.open_shard(0).contents.file.arrays
    assert len(arrays["lists.bytes"]) < 0.8 * arrays["lists.counts"].sum()
    queries = codes.pack(bits[:QUERIES] | (np.arange(40) < 2))
    expected = truth(ids, database, queries)
    for radius in (0, 1, 3, 6):
        found = index.range_search(queries, radius)
        assert [pairs(found, i) for i in range(QUERIES)] == [[p for p in r if p[0] <= radius] for r in expected]


def test_codes_with_many_set_bits_get_no_lists():
    rng = np.random.default_rng(7)
    few, many = codes.pack(rng.random((500, 64)) < 0.03), codes.pack(rng.random((500, 64)) < 0.4)
    assert plan_layout(few, code_length=64, rows_per_shard=500, kind="sparse").lists
    layout = plan_layout(many, code_length=64, rows_per_shard=500, kind="ternary")
    assert layout.folds and not layout.lists and not layout.blocks


def test_a_layout_whose_blocks_leave_out_bits_is_refused():
    sample = np.zeros((5, 8), np.uint8)
    layout = plan_layout(sample, code_length=64, rows_per_shard=500, kind="sparse", signatures=True)
    broken = layout.model_dump()
    broken["blocks"] = [{"begin": 1, "end": 64, "bits": 9}]
    with pytest.raises(ValueError, match="blocks must follow each other"):
        Layout.model_validate(broken)


def test_an_answer_larger_than_the_budget_is_searched_in_smaller_blocks(tmp_path):
    ids, database, queries = drawn(32)
    index = built(tmp_path / "index", ids, database, 32)
    blocks = list(index.iter_range_search(queries, 32, max_bytes=48 * 2 * ITEMS))
    assert len(blocks) > 1 and sum(len(found.ids) for _, found in blocks) == ITEMS * QUERIES
    with pytest.raises(InvalidInputError, match="query 0 has more than 149 neighbors"):
        list(index.iter_range_search(queries, 32, max_bytes=48 * (ITEMS - 1)))


def test_a_fold_table_that_leads_beyond_its_groups_is_corrupt(tmp_path):
    ids, database, _ = drawn(64)
    shard = built(tmp_path / "index", ids, database, 64).open_shard(0)
    shard.contents.verify()
    before = shard.contents.file.arrays["folds.before"].copy()
    before[-1] = 254
    shard.contents.file.arrays["folds.before"] = before
    with pytest.raises(CorruptIndexError, match=r"array folds\.before: expected buckets within their groups"):
        check_structure(shard.contents.file, shard.contents.layout)


@pytest.mark.parametrize("name", ["lists.bytes", "lists.counts", "lists.offsets"])
def test_lists_that_lead_astray_are_corrupt(tmp_path, name):
    ids, database, _ = drawn(64)
    shard = built(tmp_path / "index", ids, database, 64).open_shard(0)
    sound = shard.contents.file.arrays[name]
    for place in np.random.default_rng(11).integers(0, sound.size, 20):
        damaged = sound.copy()
        damaged.flat[place] = 250 if name == "lists.bytes" else 10**6
        shard.contents.file.arrays[name] = damaged
        with pytest.raises(CorruptIndexError, match="array lists"):
            check_structure(shard.contents.file, shard.contents.layout)
    shard.contents.file.arrays[name] = sound
    check_structure(shard.contents.file, shard.contents.layout)


def test_a_shard_without_its_lists_directory_is_corrupt(tmp_path):
    ids, database, _ = drawn(64)
    index = built(tmp_path / "index", ids, database, 64)
    shard = index.open_shard(0)
    del shard.contents.file.arrays["lists.counts"]
    with pytest.raises(CorruptIndexError, match=r"expected lists\.counts as uint32"):
        check_arrays(shard.contents.file, shard.contents.layout, shard.contents.stored_rows)
