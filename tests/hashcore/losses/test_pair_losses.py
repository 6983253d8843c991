"""The losses of pairs and the relaxed triplet loss, recomputed pair by pair, and their gradients."""

from __future__ import annotations

from itertools import product
from math import cosh, exp, sinh, sqrt, tanh

import pytest
import torch

from hashcore.losses.by_name import choose
from hashcore.losses.coupled import coupled
from hashcore.losses.deephash import deephash
from hashcore.losses.nn_hash import nn_hash
from hashcore.losses.relaxed_triplet import relaxed_triplet
from hashcore.losses.sparsehash import sparsehash
from hashcore.losses.spec import DeepHash, LossSpec, NnHash, PairwiseHinge, RelaxedTriplet, SparseHash, TripletRanking
from hashcore.spec import members
from hashcore.supervision.relations import Relations, Triplets

ROWS, BITS = 5, 3
TRIPLETS = Triplets(torch.tensor([0, 1, 4]), torch.tensor([1, 2, 3]), torch.tensor([2, 4, 0]))
SIMILARITY = torch.tensor(  # not symmetric: across modalities (x, y′) and (y, x′) are different pairs
    [[1, 1, -1, 0, 0], [1, 1, -1, -1, 0], [-1, 0, 1, 1, -1], [0, -1, 1, 1, 1], [0, 0, -1, 1, 1]], dtype=torch.int8
)
RELATIONS = Relations(TRIPLETS, SIMILARITY)
PAIRS = [(i, j, SIMILARITY[i, j].item()) for i, j in product(range(ROWS), repeat=2)]


def projections(seed=0, spread=0.6):
    generator = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(ROWS, BITS, generator=generator, dtype=torch.float64)).requires_grad_()


def rows(f, g):
    return f.detach().tolist(), g.detach().tolist()


def average(values):
    values = list(values)
    return sum(values) / len(values)


def euclidean(a, b):
    return sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def manhattan(a, b):
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def test_nn_hash_equals_a_loop_over_pairs():
    f, g = projections(0), projections(1)
    x, y = rows(f, g)
    similar = [euclidean(x[i], y[j]) ** 2 for i, j, s in PAIRS if s == 1]
    dissimilar = [max(0, 1.4 - euclidean(x[i], y[j])) ** 2 for i, j, s in PAIRS if s == -1]
    assert 0 in dissimilar and max(dissimilar) > 0
    wanted = average(similar) / 2 + average(dissimilar) / 2
    assert nn_hash(f, g, RELATIONS, margin=1.4).item() == pytest.approx(wanted)


def test_sparsehash_equals_a_loop_over_pairs():
    f, g = projections(0), projections(1)
    x, y = rows(f, g)

    def loss(a, b, similar):
        return similar * manhattan(a, b) + 0.7 / 2 * (1 - similar) * max(0, 2.0 - manhattan(a, b)) ** 2

    wanted = average(loss(x[i], y[j], 1) for i, j, s in PAIRS if s == 1) / 2
    wanted += average(loss(x[i], y[j], 0) for i, j, s in PAIRS if s == -1) / 2
    wanted += 0.3 * (average(manhattan(a, [0] * BITS) for a in x) + average(manhattan(b, [0] * BITS) for b in y))
    found = sparsehash(f, g, RELATIONS, margin=2.0, push=0.7, sparsity=0.3)
    assert found.item() == pytest.approx(wanted)


def test_the_relaxed_triplet_loss_equals_a_loop_over_triplets():
    f, g = projections(0), projections(1)
    x, y = ([[(value + 1) / 2 for value in row] for row in side] for side in rows(f, g))
    wanted = [
        max(0, euclidean(x[a], y[p]) ** 2 - euclidean(x[a], y[n]) ** 2 + 0.5)
        for a, p, n in zip(*(part.tolist() for part in TRIPLETS), strict=True)
    ]
    assert relaxed_triplet(f, g, RELATIONS, margin=0.5).item() == pytest.approx(average(wanted))


def sign(values):
    return [1 if value > 0 else -1 for value in values]


def sigmoid(value):
    return (1 + tanh(value / 2)) / 2


def surrogate(a, b, similar, bit, frozen_a, frozen_b):
    """ℓ⁽ᵏ⁾ of one pair (eq. 9), with the other bits taken from frozen projections."""
    h, g = sign(frozen_a), sign(frozen_b)
    others = sum(h[i] * g[i] for i in range(BITS) if i != bit) / BITS
    even, odd = cosh(similar / BITS), -sinh(similar / BITS)
    return exp(-similar * others) * (even + odd * (2 * sigmoid(a[bit] * b[bit]) - 1))


def code_product(a, b):
    return sum(x * y for x, y in zip(sign(a), sign(b), strict=True)) / BITS


def test_deephash_equals_a_loop_over_pairs():
    f, g = projections(0), projections(1)
    x, y = rows(f, g)
    wanted = average(exp(-s * code_product(x[i], y[j])) for i, j, s in PAIRS if s)
    assert deephash(f, g, RELATIONS).item() == pytest.approx(wanted)


def test_the_constants_of_deephash_split_the_exponential():
    for similar, bits in product((-1, 1), repeat=2):
        assert cosh(similar / BITS) - sinh(similar / BITS) * bits == pytest.approx(exp(-similar * bits / BITS))


@pytest.mark.parametrize("bit", range(BITS))
def test_the_surrogates_of_deephash_meet_its_loss_where_projections_are_large(bit):
    x, y = rows(projections(0, spread=100.0), projections(1, spread=100.0))
    for i, j, s in PAIRS:
        assert surrogate(x[i], y[j], s, bit, x[i], y[j]) == pytest.approx(exp(-s * code_product(x[i], y[j])))


@pytest.mark.parametrize("side", [0, 1])
def test_each_bit_of_deephash_has_the_finite_difference_of_its_surrogate(side):
    both, step = (projections(0), projections(1)), 1e-6
    deephash(*both, RELATIONS).backward()
    frozen = rows(*both)
    for row, bit in product(range(ROWS), range(BITS)):
        ends = []
        for change in (step, -step):
            moved = [[list(values) for values in part] for part in frozen]
            moved[side][row][bit] += change
            x, y = moved
            ends.append(average(surrogate(x[i], y[j], s, bit, frozen[0][i], frozen[1][j]) for i, j, s in PAIRS if s))
        assert both[side].grad[row, bit].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-8)
    assert both[side].grad.abs().max() > 0.01


GIVEN = {
    spec.name: spec
    for spec in (
        TripletRanking(scale=0.7),
        PairwiseHinge(threshold=1, scale=0.7),
        NnHash(margin=1.4),
        SparseHash(margin=2.0, push=0.7, sparsity=0.3),
        DeepHash(),
        RelaxedTriplet(),
    )
}
KNOWN = {each.model_fields["name"].default: each for each in members(LossSpec)}
LOSSES_BY_NAME = {name: choose(GIVEN.get(name) or each()) for name, each in KNOWN.items()}


def test_every_loss_has_a_file_and_a_spec_of_its_name():
    assert GIVEN.keys() <= KNOWN.keys() and len(KNOWN) == len(members(LossSpec))


@pytest.mark.parametrize("name", sorted(set(LOSSES_BY_NAME) - {"deephash"}))  # its gradients are another function's
def test_gradients_equal_numeric_ones_for_both_members_of_pairs(name):
    def loss(f, g):
        return LOSSES_BY_NAME[name](f, g, RELATIONS)

    assert loss(projections(2), projections(3)).item() > 0
    assert torch.autograd.gradcheck(loss, (projections(2), projections(3)), eps=1e-7, atol=1e-5)
    assert torch.autograd.gradcheck(lambda f: loss(f, f), (projections(4),), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES_BY_NAME))
def test_losses_are_zero_with_zero_gradients_where_nothing_is_known(name):
    none = torch.empty(0, dtype=torch.int64)
    f = projections()
    nothing = Relations(Triplets(none, none, none), torch.zeros_like(SIMILARITY))
    loss = LOSSES_BY_NAME["nn_hash" if name == "sparsehash" else name](f, f, nothing)  # sparsehash keeps its α term
    loss.backward()
    assert loss.item() == 0
    assert f.grad.abs().max() == 0


def test_one_modality_counts_its_pairs_of_different_rows():
    f, loss = projections(), LOSSES_BY_NAME["nn_hash"]
    without_self = SIMILARITY - torch.eye(ROWS, dtype=torch.int8)
    wanted = loss(f, f, Relations(TRIPLETS, without_self))
    assert coupled(loss, {"a": f}, RELATIONS, {"a": 0.5}).item() == pytest.approx(wanted.item())
    assert wanted.item() != pytest.approx(loss(f, f, RELATIONS).item())


def test_coupled_modalities_add_what_is_across_to_what_is_within():
    f, g = projections(0), projections(1)
    loss, within = LOSSES_BY_NAME["sparsehash"], RELATIONS.within()
    wanted = loss(f, g, RELATIONS) + 0.5 * loss(f, f, within) + 0.25 * loss(g, g, within)
    found = coupled(loss, {"x": f, "y": g}, RELATIONS, {"x": 0.5, "y": 0.25})
    assert found.item() == pytest.approx(wanted.item())
    crossed = coupled(loss, {"x": f, "y": g}, RELATIONS, {"x": 0.0, "y": 0.0})  # CM-NN: across alone
    assert crossed.item() == pytest.approx(loss(f, g, RELATIONS).item())
