"""First weights against the mean and deviation they promise."""

from __future__ import annotations

import pytest
import torch

from hashcore.networks.by_name import build
from hashcore.networks.layers.initialization import spread
from hashcore.networks.spec import Linear, Mlp

ITEMS = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)) + 3


def alone(total):
    return total


@pytest.mark.parametrize("spec", [Linear(), Mlp(hidden=(5,)), Mlp(hidden=(5,), bounded=True)])
def test_projections_begin_centred_and_spread(spec):
    torch.manual_seed(0)
    network = build(spec, (6,), 8)
    spread(network, ITEMS, 0.5, alone)
    with torch.no_grad():
        projections = network(ITEMS)
    if isinstance(spec, Mlp) and spec.bounded:
        projections = projections.atanh()
    assert torch.allclose(projections.mean(0), torch.zeros(8), atol=1e-5)
    assert torch.allclose(projections.std(0, correction=0), torch.full((8,), 0.5), rtol=1e-4)


def test_two_workers_agree_on_what_one_would_do():
    torch.manual_seed(0)
    whole, half = (build(Linear(), (6,), 8) for _ in range(2))
    half.load_state_dict(whole.state_dict())
    other = {}

    def outputs(rows):
        return half(rows).detach().double()

    sums = iter([torch.tensor(200.0), outputs(ITEMS).sum(0), (outputs(ITEMS) - outputs(ITEMS).mean(0)).square().sum(0)])
    spread(whole, ITEMS, 2.0, alone)
    spread(half, ITEMS[:90], 2.0, lambda _mine: next(sums))
    other.update(half.state_dict())
    assert all(torch.allclose(value, other[name], atol=1e-5) for name, value in whole.state_dict().items())


def test_items_that_are_all_alike_leave_the_weights_finite():
    network = build(Linear(), (6,), 8)
    spread(network, torch.zeros(4, 6), 2.0, alone)
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
