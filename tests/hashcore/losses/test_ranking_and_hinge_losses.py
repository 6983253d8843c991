"""The triplet ranking loss and the pairwise hinge against explicit loops, and their gradients."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from hashcore.losses.by_name import choose
from hashcore.losses.mean_zero import mean_zero
from hashcore.losses.pairwise_hinge import dissimilar_bound, pairwise_hinge, similar_bound
from hashcore.losses.spec import PairwiseHinge, TripletRanking
from hashcore.losses.triplet_ranking import triplet_ranking, triplet_ranking_bound
from hashcore.supervision.relations import Relations, Triplets

BITS = 3
TRIPLETS = Triplets(torch.tensor([0, 1, 4]), torch.tensor([1, 2, 3]), torch.tensor([2, 4, 0]))
RELATIONS = Relations(TRIPLETS, torch.zeros(5, 5, dtype=torch.int8))
CODES = [list(code) for code in product((-1, 1), repeat=BITS)]


def projections(spread=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(5, BITS, generator=generator, dtype=torch.float64)).requires_grad_()


def differ(g, h):
    return sum(a != b for a, b in zip(g, h, strict=True))


def dot(g, f):
    return sum(a * b for a, b in zip(g, f, strict=True))


def sign(f):
    return [1 if value > 0 else -1 for value in f]


def triplet_loss(h, h_plus, h_minus, scale):
    return scale * max(0, differ(h, h_plus) - differ(h, h_minus) + 1)


def pair_loss(h, g, similar, threshold, scale):
    return scale * max(0, (differ(h, g) - threshold if similar else threshold - differ(h, g)) + 1)


def upper_bound(fs, loss):
    """HDML eq. 6 by loops: the bound, and the codes ĝ that attain it."""
    best = max(
        (loss(*codes) + sum(dot(g, f) for g, f in zip(codes, fs, strict=True)), codes)
        for codes in product(CODES, repeat=len(fs))
    )
    return best[0] - sum(abs(value) for f in fs for value in f), best[1]


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("spread", [0.2, 1.0, 4.0])
def test_the_triplet_loss_equals_loops_over_codes_and_triplets(scale, spread):
    f = projections(spread)
    rows = f.detach().tolist()
    bounds = [
        upper_bound([rows[a], rows[p], rows[n]], lambda *codes: triplet_loss(*codes, scale))[0]
        for a, p, n in zip(*(part.tolist() for part in TRIPLETS), strict=True)
    ]
    assert triplet_ranking(f, f, RELATIONS, scale=scale).item() == pytest.approx(sum(bounds) / 3, abs=1e-12)


@pytest.mark.parametrize("threshold", [0, 1, 2.5, 3])
@pytest.mark.parametrize("spread", [0.2, 1.0, 4.0])
def test_the_pairwise_hinge_equals_loops_over_codes_and_pairs(threshold, spread):
    f, scale = projections(spread), 0.5
    rows = f.detach().tolist()
    bounds = 0.0
    for a, p, n in zip(*(part.tolist() for part in TRIPLETS), strict=True):
        bounds += upper_bound([rows[a], rows[p]], lambda h, g: pair_loss(h, g, True, threshold, scale))[0]
        bounds += upper_bound([rows[a], rows[n]], lambda h, g: pair_loss(h, g, False, threshold, scale))[0]
    found = pairwise_hinge(f, f, RELATIONS, threshold=threshold, scale=scale)
    assert found.item() == pytest.approx(bounds / 3, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_bounds_are_never_below_the_losses_and_meet_them_where_projections_are_large(seed):
    for spread, tight in ((0.3, False), (1000.0, True)):
        f = projections(spread, seed).detach()
        rows = f.tolist()
        wanted = [
            triplet_loss(sign(rows[a]), sign(rows[p]), sign(rows[n]), 1.0)
            for a, p, n in zip(*(part.tolist() for part in TRIPLETS), strict=True)
        ]
        pairs = [f[part] for part in TRIPLETS]
        found = triplet_ranking_bound(*pairs).tolist()
        assert all(bound >= loss - 1e-9 for bound, loss in zip(found, wanted, strict=True))
        assert not tight or found == pytest.approx(wanted)
        for similar, bound in ((True, similar_bound), (False, dissimilar_bound)):
            losses = [pair_loss(sign(rows[a]), sign(rows[p]), similar, 2, 1.0) for a, p in ((0, 1), (1, 2), (4, 3))]
            found = bound(pairs[0], pairs[1], 2).tolist()
            assert all(high >= low - 1e-9 for high, low in zip(found, losses, strict=True))
            assert not tight or found == pytest.approx(losses)


def test_the_gradient_is_the_augmented_code_minus_the_code():
    f = projections(0.4)
    rows = f.detach().tolist()
    triplet_ranking(f, f, RELATIONS).backward()
    wanted = torch.zeros_like(f)
    for members in zip(*(part.tolist() for part in TRIPLETS), strict=True):
        _, codes = upper_bound([rows[row] for row in members], lambda *codes: triplet_loss(*codes, 1.0))
        for row, code in zip(members, codes, strict=True):
            wanted[row] += (torch.tensor(code).double() - torch.tensor(sign(rows[row]))) / 3
    assert wanted.abs().sum() > 0
    assert torch.allclose(f.grad, wanted, atol=1e-12)


@pytest.mark.parametrize("name", ["triplet_ranking", "pairwise_hinge", "mean_zero"])
def test_gradients_equal_numeric_ones(name):
    functions = {
        "triplet_ranking": lambda f: triplet_ranking(f, f, RELATIONS, scale=0.7),
        "pairwise_hinge": lambda f: pairwise_hinge(f, f, RELATIONS, threshold=1, scale=0.7),
        "mean_zero": mean_zero,
    }
    assert torch.autograd.gradcheck(functions[name], (projections(0.5, seed=1),), eps=1e-7)


def test_the_mean_zero_penalty_is_half_the_squared_mean_of_every_bit():
    assert mean_zero(torch.tensor([[1.0, -2.0], [3.0, 0.0]])).item() == (4 + 1) / 2


def test_a_hinge_reads_all_known_pairs_where_there_are_no_triplets():
    f, none = projections(), torch.empty(0, dtype=torch.int64)
    similarity = torch.zeros(5, 5, dtype=torch.int8)
    similarity[0, 1] = similarity[1, 2] = similarity[4, 3] = 1
    similarity[0, 2] = similarity[1, 4] = similarity[4, 0] = -1
    pairs = Relations(Triplets(none, none, none), similarity)
    assert pairwise_hinge(f, f, pairs, threshold=1).item() == pytest.approx(
        pairwise_hinge(f, f, RELATIONS, threshold=1).item()
    )


def test_chosen_losses_have_their_parameters():
    f = projections()
    ranking, hinge = choose(TripletRanking(scale=0.5)), choose(PairwiseHinge(threshold=2, scale=3))
    assert torch.equal(ranking(f, f, RELATIONS), triplet_ranking(f, f, RELATIONS, scale=0.5))
    assert torch.equal(hinge(f, f, RELATIONS), pairwise_hinge(f, f, RELATIONS, threshold=2, scale=3))
