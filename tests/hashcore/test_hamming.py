import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import CODE_LENGTHS, as_integers, clustered_bits, pairs, ranking

from hashcore import codes, hamming
from hashcore.errors import InvalidInputError

ISAS = hamming.available_isas()
ITEMS, QUERIES = 137, 5  # not a multiple of any vector length: the tails are part of every case


@pytest.fixture(params=ISAS)
def isa(request, monkeypatch):
    monkeypatch.setenv("HASHCORE_ISA", request.param)
    assert hamming.isa() == request.param
    return request.param


def drawn(code_length, items=ITEMS, seed=0):
    rng = np.random.default_rng(seed)
    database = codes.pack(clustered_bits(rng, items, code_length))
    queries = codes.pack(clustered_bits(rng, QUERIES, code_length))
    queries[0] = database[items // 2]
    return database, queries


def rankings(database, queries):
    integers = as_integers(database)
    return [ranking(range(len(integers)), integers, query) for query in as_integers(queries)]


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_range_search_equals_the_oracle_at_every_radius(isa, code_length):
    database, queries = drawn(code_length)
    truth = rankings(database, queries)
    for radius in range(code_length + 1):
        found = hamming.range_search(database, queries, radius)
        for i, ranked in enumerate(truth):
            assert pairs(found, i) == [pair for pair in ranked if pair[0] <= radius]
    assert len(found.ids) == ITEMS * QUERIES


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_knn_search_equals_the_oracle_for_every_k(isa, code_length):
    database, queries = drawn(code_length)
    truth = rankings(database, queries)
    for k in range(1, ITEMS + 1):
        found = hamming.knn_search(database, queries, k)
        for i, ranked in enumerate(truth):
            assert pairs(found, i) == ranked[:k]


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_histograms_count_every_pair_once_and_relevant_pairs_twice(isa, code_length):
    database, queries = drawn(code_length)
    rng = np.random.default_rng(1)
    masks = [rng.integers(0, 2**62, (n, 2), dtype=np.uint64) & np.uint64(0b10010001) for n in (ITEMS, QUERIES)]
    every, relevant = hamming.relevance_counts(*hamming.words_of(database, queries, code_length), code_length, *masks)
    assert np.array_equal(hamming.distance_histogram(database, queries, code_length), every)
    integers = as_integers(database)
    for i, query in enumerate(as_integers(queries)):
        distances = np.array([(query ^ code).bit_count() for code in integers])
        shares = (masks[0] & masks[1][i]).any(1)
        assert 0 < shares.sum() < ITEMS
        assert np.array_equal(every[i], np.bincount(distances, minlength=code_length + 1))
        assert np.array_equal(relevant[i], np.bincount(distances[shares], minlength=code_length + 1))


@pytest.mark.parametrize("code_length", [64, 128, 200])
def test_histograms_of_many_equal_codes_do_not_overflow(isa, code_length):
    items = 300_001  # several blocks, and a tail
    database = np.zeros((items, code_length // 8), np.uint8)
    database[::1000, 0] = 1
    masks = np.ones((items, 1), np.uint64)
    masks[::7] = 2
    words = hamming.words_of(database, database[1:2], code_length)
    every, relevant = hamming.relevance_counts(*words, code_length, masks, np.ones((1, 1), np.uint64))
    near, same_class = np.arange(items) % 1000 != 0, np.arange(items) % 7 != 0
    assert every[0, :3].tolist() == [near.sum(), (~near).sum(), 0]
    assert relevant[0, :3].tolist() == [(near & same_class).sum(), (~near & same_class).sum(), 0]


@given(st.integers(1, 4000), st.integers(1, 300), st.integers(1, 3), st.integers(0, 2**32))
def test_answers_do_not_depend_on_threads(items, queries, threads, seed):
    rng = np.random.default_rng(seed)
    database, asked = (rng.integers(0, 256, (n, 2), np.uint8) for n in (items, queries))
    k = min(items, 7)
    for one, many in (
        (
            hamming.range_search(database, asked, 4, threads=1),
            hamming.range_search(database, asked, 4, threads=threads),
        ),
        (hamming.knn_search(database, asked, k, threads=1), hamming.knn_search(database, asked, k, threads=threads)),
    ):
        assert np.array_equal(one.offsets, many.offsets)
        assert np.array_equal(one.ids, many.ids) and np.array_equal(one.distances, many.distances)


def test_xor_with_one_mask_and_a_permutation_of_bits_change_no_distance():
    database, queries = drawn(100, items=2000)
    bits, asked = codes.unpack(database, 100), codes.unpack(queries, 100)
    rng = np.random.default_rng(2)
    mask, order = rng.integers(0, 2, 100), rng.permutation(100)
    before = hamming.range_search(database, queries, 45)
    after = hamming.range_search(codes.pack((bits ^ mask)[:, order]), codes.pack((asked ^ mask)[:, order]), 45)
    assert len(before.ids) > 100
    assert np.array_equal(before.ids, after.ids) and np.array_equal(before.distances, after.distances)


def test_empty_database_and_empty_queries_answer_empty():
    none, some = np.empty((0, 4), np.uint8), np.zeros((3, 4), np.uint8)
    assert hamming.range_search(none, some, 3).offsets.tolist() == [0, 0, 0, 0]
    assert hamming.range_search(some, none, 3).offsets.tolist() == [0]
    assert hamming.distance_histogram(none, some, 32).sum() == 0


@pytest.mark.parametrize("radius", [-1, 33, 1.5, True])
def test_a_radius_outside_the_code_is_refused(radius):
    some = np.zeros((3, 4), np.uint8)
    with pytest.raises(InvalidInputError, match=r"use 0\.\.32"):
        hamming.range_search(some, some, radius)


def test_k_beyond_the_database_is_refused_with_both_numbers():
    some = np.zeros((3, 4), np.uint8)
    with pytest.raises(InvalidInputError, match="k=4 exceeds the 3 codes"):
        hamming.knn_search(some, some, 4)


def test_codes_of_two_widths_are_refused():
    with pytest.raises(InvalidInputError, match="queries are 8 bytes wide but the database 4"):
        hamming.range_search(np.zeros((3, 4), np.uint8), np.zeros((3, 8), np.uint8), 1)


def test_an_unknown_instruction_set_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("HASHCORE_ISA", "mmx")
    with pytest.raises(InvalidInputError, match="HASHCORE_ISA=mmx is not available here; use one of portable"):
        hamming.range_search(np.zeros((3, 4), np.uint8), np.zeros((3, 4), np.uint8), 1)


def test_more_codes_than_a_scan_numbers_are_refused():
    hamming.check_scannable(2**32)
    with pytest.raises(InvalidInputError, match="build an index"):
        hamming.check_scannable(2**32 + 1)


NO_THREADS = """
import resource, threading
import numpy as np
from hashcore import hamming
codes = np.random.default_rng(0).integers(0, 256, (50_000, 8), dtype=np.uint8)
alone = hamming.knn_search(codes, codes[:40], 5, threads=1)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (256 << 20),) * 2)
try:
    threading.Thread(target=print).start()
except RuntimeError:
    pass
else:
    raise SystemExit("a thread was started")
found = hamming.knn_search(codes, codes[:40], 5, threads=4)
assert np.array_equal(found.ids, alone.ids) and np.array_equal(found.distances, alone.distances)
print("found")
"""


def test_a_search_goes_on_with_the_threads_there_are_where_none_can_be_started():
    def a_gibibyte_for_each_stack():
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    done = subprocess.run(
        [sys.executable, "-c", NO_THREADS],
        preexec_fn=a_gibibyte_for_each_stack,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "found\n"), done.stderr[-2_000:]


P = np.zeros((100, 8), np.uint8)
MASKS = {rows: np.ones((rows, 1), np.uint64) for rows in (1, 100)}


@pytest.mark.parametrize(
    ("database_masks", "query_masks"),
    [
        (np.zeros((1, 1), np.uint64), MASKS[1]),
        (MASKS[100], np.ones((2, 1), np.uint64)),
        (MASKS[100], np.ones((1, 2), np.uint64)),
        (MASKS[100].astype(np.int64), MASKS[1]),
        (MASKS[100].ravel(), MASKS[1]),
        (MASKS[100], None),
    ],
)
def test_label_masks_of_other_rows_or_words_are_refused(database_masks, query_masks):
    with pytest.raises(InvalidInputError, match="label masks"):
        hamming.relevance_counts(*hamming.words_of(P, P[:1], 64), 64, database_masks, query_masks)


def test_histograms_refuse_codes_of_another_length():
    ones, zeros = np.full((1, 8), 255, np.uint8), np.zeros((1, 8), np.uint8)
    with pytest.raises(InvalidInputError, match="8 bytes wide but 32 bits take 4"):
        hamming.distance_histogram(ones, zeros, 32)
    with pytest.raises(InvalidInputError, match="set bits beyond code_length=60"):
        hamming.distance_histogram(ones, zeros, 60)
    with pytest.raises(InvalidInputError, match="625 bytes a code"):
        hamming.distance_histogram(np.zeros((1, 625), np.uint8), np.zeros((1, 625), np.uint8), 5000)


@pytest.mark.parametrize("threads", [-1, 1.0, True, "2", 10**9, None])
def test_threads_that_are_no_number_of_threads_are_refused(threads):
    with pytest.raises(InvalidInputError, match=r"threads=.*: use a whole number 0\.\.4096; 0 takes every processor"):
        hamming.range_search(P, P[:1], 1, threads=threads)


@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "99999"])
def test_a_setting_of_threads_that_is_no_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("HASHCORE_THREADS", value)
    with pytest.raises(InvalidInputError, match=rf"HASHCORE_THREADS='{value}' is no number of threads; use 1\.\.4096"):
        hamming.available_threads()


def test_whole_numbers_of_numpy_are_taken():
    found = hamming.range_search(P, P[:1], np.int64(1), threads=np.uint8(1))
    assert len(found.ids) == 100
    assert hamming.knn_search(P, P[:1], np.uint16(3)).ids.tolist() == [0, 1, 2]
    assert hamming.distance_histogram(P, P[:1], np.int32(64))[0, 0] == 100
