"""Measures equal fractions worked out by hand, and means over every order of the ties."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore import measures
from hashcore.errors import InvalidInputError
from hashcore.evaluation.ties import harmonic_difference

EXACT = 1e-12
TIES = ("expected", "best", "worst")


@st.composite
def tied_counts(draw, most=4):
    """Counts of one query at up to five distances, of which every order can still be listed."""
    items = draw(st.lists(st.integers(0, most), min_size=1, max_size=5))
    relevant = [draw(st.integers(0, n)) for n in items]
    return np.array([items]), np.array([relevant])


def every_order(items, relevant):
    """List the rankings (1 relevant, 0 not) that keep distances ascending; all are equally likely."""
    groups = [
        [[int(i in chosen) for i in range(n)] for chosen in combinations(range(n), r)]
        for n, r in zip(items[0].tolist(), relevant[0].tolist(), strict=True)
    ]
    return [sum(parts, []) for parts in product(*groups)]  # noqa: RUF017


def slow_average_precision(ranking, cutoff, denominator):
    top = ranking[:cutoff]
    total = Fraction(0)
    for rank, hit in enumerate(top, start=1):
        total += Fraction(hit * sum(top[:rank]), rank)
    relevant = {"relevant": sum(ranking), "retrieved": sum(top), "reachable": min(sum(ranking), cutoff or len(ranking))}
    return total / relevant[denominator] if relevant[denominator] else Fraction(0)


def over_orders(values, ties):
    return float({"best": max, "worst": min, "expected": lambda v: sum(v) / len(v)}[ties](values))


@given(tied_counts(), st.sampled_from([None, 1, 2, 3, 5, 7, 11, 100]))
def test_average_precision_equals_the_mean_and_the_extremes_over_all_orders_of_ties(counts, cutoff):
    items, relevant = counts
    orders = every_order(items, relevant)
    for denominator, ties in product(("relevant", "reachable", "retrieved"), TIES):
        got = measures.average_precision(items, relevant, ties, cutoff, denominator=denominator)
        if relevant.sum() == 0:
            assert np.isnan(got).tolist() == [True]
        else:
            values = [slow_average_precision(order, cutoff, denominator) for order in orders]
            assert got == pytest.approx([over_orders(values, ties)], abs=EXACT)


@given(tied_counts(), st.integers(1, 20))
def test_precision_and_recall_at_k_equal_the_mean_and_the_extremes_over_all_orders(counts, k):
    items, relevant = counts
    found = [sum(order[:k]) for order in every_order(items, relevant)]
    for ties in TIES:
        want = over_orders([Fraction(hits) for hits in found], ties)
        assert measures.precision_at(items, relevant, k, ties) == pytest.approx([want / k], abs=EXACT)
        recall = measures.recall_at(items, relevant, k, ties)
        if relevant.sum():
            assert recall == pytest.approx([want / relevant.sum()], abs=EXACT)
        else:
            assert np.isnan(recall).all()


def test_a_cutoff_inside_a_tie_by_hand():
    items, relevant = np.array([[1, 3]]), np.array([[1, 1]])  # top 2: a hit, then one of three tied items, one relevant
    expected = {
        "relevant": (1 + Fraction(1, 3)) / 2,  # (1 + 1/3 · 2/2) / 2
        "reachable": (1 + Fraction(1, 3)) / 2,
        "retrieved": Fraction(1),  # 2/3 of the orders give 1/1, 1/3 give (1 + 1)/2
    }
    for denominator, want in expected.items():
        got = measures.average_precision(items, relevant, cutoff=2, denominator=denominator)
        assert got == pytest.approx([float(want)], abs=EXACT)
    assert measures.average_precision(items, relevant, cutoff=1) == pytest.approx([1 / 2], abs=EXACT)
    assert measures.average_precision(items, relevant, cutoff=1, denominator="reachable") == pytest.approx(
        [1], abs=EXACT
    )


def test_measures_within_a_radius_by_hand():
    items = np.array([[2, 2, 6], [0, 0, 10], [0, 3, 7]])
    relevant = np.array([[2, 1, 1], [0, 0, 5], [0, 0, 0]])
    assert measures.precision_within(items, relevant, 1).tolist() == [3 / 4, 0, 0]
    assert measures.recall_within(items, relevant, 1)[:2].tolist() == [3 / 4, 0]
    assert np.isnan(measures.recall_within(items, relevant, 1)[2])
    assert measures.f1_within(items, relevant, 2)[:2] == pytest.approx([2 * 4 / (10 + 4), 2 * 5 / (10 + 5)])
    assert np.isnan(measures.f1_within(items, relevant, 2)[2])
    precision = measures.precision_within(items, relevant, np.array([0, 1, 2]))
    assert precision.tolist() == [[1, 3 / 4, 4 / 10], [0, 0, 1 / 2], [0, 0, 0]]


@given(tied_counts(most=40))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(counts):
    for radius in range(counts[0].shape[1]):
        precision = measures.precision_within(*counts, radius)[0]
        recall = measures.recall_within(*counts, radius)[0]
        if precision + recall > 0:
            assert measures.f1_within(*counts, radius)[0] == pytest.approx(
                2 * precision * recall / (precision + recall)
            )


def test_pr_curve_pools_pairs_by_hand():
    precision, recall = measures.pr_curve(np.array([[0, 1, 3], [0, 3, 1]]), np.array([[0, 1, 0], [0, 1, 1]]))
    assert np.isnan(precision[0])
    assert precision[1:].tolist() == [2 / 4, 3 / 8]
    assert recall.tolist() == [0, 2 / 3, 1]


def test_mean_precision_at_averages_over_queries():
    items, relevant = np.array([[1, 9], [1, 9]]), np.array([[1, 0], [0, 9]])
    assert measures.mean_precision_at(items, relevant, [1, 2, 10]) == pytest.approx([1 / 2, 1 / 2, (0.1 + 0.9) / 2])


def test_mean_leaves_out_what_is_not_defined():
    assert measures.mean(np.array([0.25, np.nan, 0.75])) == 0.5
    assert np.isnan(measures.mean(np.array([np.nan])))
    assert np.isnan(measures.mean(np.empty(0)))


def test_without_ties_all_orders_agree_and_a_perfect_ranking_gets_one():
    items, relevant = np.ones((1, 65), np.int64), np.zeros((1, 65), np.int64)
    relevant[0, :10] = 1
    for ties in TIES:
        assert measures.average_precision(items, relevant, ties) == pytest.approx([1], abs=EXACT)
        assert measures.average_precision(items, relevant[:, ::-1], ties) == pytest.approx(
            [sum(i / (55 + i) for i in range(1, 11)) / 10], abs=EXACT
        )


def test_one_great_tie_is_a_random_ranking():
    n, r = 10**9, 10**8
    got = measures.average_precision(np.array([[n]]), np.array([[r]]))
    # rank i of a random order: (r/n) (1 + (i − 1)(r − 1)/(n − 1)) / i, summed with H_n = ln n + γ + 1/(2n)
    harmonic = np.log(n) + np.euler_gamma + 1 / (2 * n)
    slope = (r - 1) / (n - 1)
    assert got == pytest.approx([(harmonic + slope * (n - harmonic)) / n], rel=1e-13)
    assert measures.precision_at(np.array([[n]]), np.array([[r]]), 1000) == pytest.approx([0.1], rel=1e-15)


def test_a_small_tie_behind_a_billion_items_keeps_its_digits():
    before, relevant_before = 10**9, 3 * 10**8
    items = np.array([[before, 3, 5]])
    relevant = np.array([[relevant_before, 2, 0]])
    got = measures.average_precision(items, relevant) - measures.average_precision(
        items, np.array([[relevant_before, 0, 0]])
    ) * (relevant_before / (relevant_before + 2))
    orders = [
        sum(Fraction(relevant_before + 1 + j, before + rank) for j, rank in enumerate(ranks))
        for ranks in combinations(range(1, 4), 2)
    ]
    assert got == pytest.approx([float(sum(orders) / 3 / (relevant_before + 2))], abs=1e-15)


def test_the_hits_protocol_stays_exact_where_the_cutoff_splits_a_great_tie():
    n, r, k = 10**9, 6 * 10**8, 5000
    got = measures.average_precision(np.array([[n]]), np.array([[r]]), cutoff=k, denominator="retrieved")
    p = r / n  # of h hits at random ranks up to k, the mean precision tends to p + (1 − p) H_k / k
    assert got == pytest.approx([p + (1 - p) * (np.log(k) + np.euler_gamma) / k], abs=1e-4)
    best = measures.average_precision(np.array([[n]]), np.array([[r]]), "best", k, denominator="retrieved")
    worst = measures.average_precision(np.array([[n]]), np.array([[r]]), "worst", k, denominator="retrieved")
    assert best == pytest.approx([1], abs=EXACT)
    assert worst == pytest.approx([0], abs=EXACT)


@given(st.one_of(st.integers(0, 100), st.integers(0, 10**10)), st.integers(0, 200))
def test_harmonic_differences_equal_their_sum_to_the_last_digits(start, count):
    want = math.fsum(1 / (start + i) for i in range(1, count + 1))
    got = harmonic_difference(np.array([float(start)]), np.array([float(count)]))
    assert got == pytest.approx([want], rel=2e-15, abs=0)


@given(st.integers(0, 10**10), st.data())
def test_a_lone_relevant_item_gets_the_inverse_of_its_rank_in_every_order(before, data):
    others = data.draw(st.integers(0, before))  # nearer items of which none is relevant, in two ties
    items = np.array([[others, before - others, 1]])
    for ties in TIES:
        got = measures.average_precision(items, np.array([[0, 0, 1]]), ties)
        assert got == pytest.approx([1 / (before + 1)], rel=0, abs=1e-15)


@given(tied_counts(most=10**9), tied_counts(most=10**9), st.integers(1, 2 * 10**9))
def test_bounds_enclose_the_expectation_for_counts_near_a_billion(one, other, cutoff):
    width = min(one[0].shape[1], other[0].shape[1])
    items, relevant = (np.concatenate([one[i][:, :width], other[i][:, :width]]) for i in (0, 1))
    for cut, denominator in ((None, "relevant"), (cutoff, "relevant"), (cutoff, "reachable")):
        best, expected, worst = (
            measures.average_precision(items, relevant, ties, cut, denominator=denominator)
            for ties in ("best", "expected", "worst")
        )
        defined = relevant.sum(axis=1) > 0
        assert (np.isnan(expected) == ~defined).all()
        assert (worst[defined] <= expected[defined] + EXACT).all()
        assert (expected[defined] <= best[defined] + EXACT).all()
        assert (worst[defined] >= -EXACT).all()
        assert (best[defined] <= 1 + EXACT).all()


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda a, r: measures.average_precision(a, r, "random"), "ties='random': use one of expected, best, worst"),
        (lambda a, r: measures.average_precision(a, r, denominator="hits"), "denominator='hits': use one of relevant"),
        (lambda a, r: measures.average_precision(a, r, cutoff=0), "cutoff=0: use a whole number of at least 1"),
        (lambda a, r: measures.precision_at(a, r, 0), "k=0"),
        (lambda a, r: measures.precision_at(a, r, 1.5), "k=1.5"),
        (lambda a, r: measures.precision_within(a, r, 3), "radius=3: use 0..2"),
        (lambda a, r: measures.recall_within(a, r, -1), "radius=-1: use 0..2"),
        (lambda a, r: measures.average_precision(r, a), "pass all_counts first"),
        (lambda a, r: measures.pr_curve(a[0], r[0]), r"need \(queries, code_length \+ 1\)"),
        (lambda a, r: measures.recall_at(a, r[:, :2], 1), r"shapes \(1, 3\) and \(1, 2\)"),
    ],
)
def test_wrong_arguments_are_refused_with_what_is_allowed(call, why):
    with pytest.raises(InvalidInputError, match=why):
        call(np.array([[1, 2, 3]]), np.array([[1, 1, 0]]))
