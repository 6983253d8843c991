"""Loss-augmented inference against the maximum over every code."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hashcore.losses.loss_augmented import (
    by_dynamic_programme,
    hinge_bound,
    pair_contributions,
    triplet_contributions,
)


def projections(seed, items, rows, bits, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    return spread * torch.randn(items, rows, bits, generator=generator, dtype=torch.float64)


def every_code(items, bits):
    """All codes of `items` items: shape (2^(items · bits), items, bits) of ±1."""
    return torch.tensor(list(product((-1.0, 1.0), repeat=items * bits)), dtype=torch.float64).view(-1, items, bits)


def triplet_distances(codes):
    """‖g − g⁺‖ − ‖g − g⁻‖ of codes (…, 3, q)."""
    g, g_plus, g_minus = codes.unbind(-2)
    return (g != g_plus).sum(-1) - (g != g_minus).sum(-1)


def pair_distances(codes):
    return (codes[..., 0, :] != codes[..., 1, :]).sum(-1)


KINDS = {3: (triplet_contributions, triplet_distances), 2: (pair_contributions, pair_distances)}


def by_brute_force(f, loss, distances):
    """The maximum of ℓ(d(g)) + Σ gᵀf over all codes, and the codes, for projections (items, n, q)."""
    codes = every_code(f.shape[0], f.shape[2])
    objective = loss(distances(codes))[:, None] + torch.einsum("ckq,knq->cn", codes, f)
    maximum, best = objective.max(dim=0)
    return maximum, codes[best]


shapes = st.one_of(
    st.tuples(st.just(3), st.integers(1, 4)),
    st.tuples(st.just(2), st.integers(1, 6)),
)
slopes = st.sampled_from([1.0, 0.25, -1.0, 3.0])


@given(st.integers(0, 999), shapes, slopes, st.integers(-4, 4), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_hinge_bound_equals_the_maximum_over_all_codes(seed, shape, slope, offset, spread):
    items, bits = shape
    contribute, distances = KINDS[items]
    f = projections(seed, items, 5, bits, spread)
    maximum, _ = by_brute_force(f, lambda d: torch.relu(slope * d + offset), distances)
    found = hinge_bound(contribute(*f), slope, offset) + f.abs().sum((0, 2))
    assert found.tolist() == pytest.approx(maximum.tolist(), abs=1e-12)


LOSSES = {
    "hinge": lambda d: torch.relu(d + 1.0),
    "squared": lambda d: (d + 1.0) ** 2,
    "stairs": lambda d: 2.0 * (d > 0) + 1.5 * (d == -1),
    "smooth": lambda d: torch.log1p(torch.exp(d.double())),
}


@given(st.integers(0, 999), shapes, st.sampled_from(sorted(LOSSES)), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_dynamic_programme_equals_the_maximum_over_all_codes_for_any_loss(seed, shape, name, spread):
    items, bits = shape
    contribute, distances = KINDS[items]
    f = projections(seed, items, 5, bits, spread)
    maximum, codes = by_brute_force(f, LOSSES[name], distances)
    found, effects = by_dynamic_programme(contribute(*f), LOSSES[name])
    assert found.tolist() == pytest.approx(maximum.tolist(), abs=1e-12)
    assert effects.sum(1).tolist() == distances(codes).tolist()


@given(st.integers(0, 999), st.sampled_from([2, 3]), st.integers(1, 70), slopes, st.sampled_from([0.1, 1.0]))
def test_both_ways_agree_for_long_codes(seed, items, bits, slope, spread):
    contribute, _ = KINDS[items]
    f = projections(seed, items, 4, bits, spread)
    exact, _ = by_dynamic_programme(contribute(*f), lambda d: torch.relu(slope * d + 1.0))
    found = hinge_bound(contribute(*f), slope, 1.0) + f.abs().sum((0, 2))
    assert found.tolist() == pytest.approx(exact.tolist(), abs=1e-10)


def test_the_effects_of_the_dynamic_programme_explain_its_maximum():
    contributions = triplet_contributions(*projections(3, 3, 6, 9))
    maximum, effects = by_dynamic_programme(contributions, lambda d: torch.relu(d + 1.0))
    agreement = sum(torch.where(effects == e, values, 0.0) for e, values in contributions.items()).sum(1)
    assert maximum.tolist() == pytest.approx((agreement + torch.relu(effects.sum(1) + 1.0)).tolist())


def test_no_bit_may_change_the_winning_triplet_of_a_settled_batch():
    f = torch.tensor([[4.0, 4.0, 4.0]], dtype=torch.float64)
    contributions = triplet_contributions(f, f, -f)  # d = −3, and every flip costs more than it can gain
    assert hinge_bound(contributions, 1.0, 1.0).tolist() == [0.0]
    _, effects = by_dynamic_programme(contributions, lambda d: torch.relu(d + 1.0))
    assert effects.tolist() == [[-1, -1, -1]]
