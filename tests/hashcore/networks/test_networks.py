"""Networks against their formulas."""

from __future__ import annotations

import pytest
import torch

from hashcore.networks.choice import NETWORKS, build
from hashcore.networks.spec import Cosine, Linear, Mlp

ITEMS = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0))


def weights(network):
    return [(layer.weight, layer.bias) for layer in network if isinstance(layer, torch.nn.Linear)]


def test_linear_is_a_matrix_and_a_bias():
    network = build(Linear(), (2, 3), 8)
    ((weight, bias),) = weights(network)
    assert torch.allclose(network(ITEMS), ITEMS.flatten(1) @ weight.T + bias)


def test_cosine_is_the_cosine_of_a_matrix_and_a_bias():
    network = build(Cosine(), (2, 3), 8)
    ((weight, bias),) = weights(network)
    assert torch.allclose(network(ITEMS), torch.cos(ITEMS.flatten(1) @ weight.T + bias))


@pytest.mark.parametrize("bounded", [False, True])
def test_mlp_alternates_matrices_and_tanh(bounded):
    network = build(Mlp(hidden=(5, 7), bounded=bounded), (2, 3), 8)
    hidden = ITEMS.flatten(1)
    *inner, (last, bias) = weights(network)
    for weight, shift in inner:
        hidden = torch.tanh(hidden @ weight.T + shift)
    wanted = hidden @ last.T + bias
    assert [len(shift) for _, shift in weights(network)] == [5, 7, 8]
    assert torch.allclose(network(ITEMS), torch.tanh(wanted) if bounded else wanted, atol=1e-6)


def test_dropout_works_in_training_alone():
    network = build(Mlp(hidden=(50,), dropout=0.5), (2, 3), 8)
    assert not torch.equal(network(ITEMS), network(ITEMS))
    network.eval()
    assert torch.equal(network(ITEMS), network(ITEMS))


def test_every_network_can_be_chosen_by_its_spec():
    assert {spec.name: build(spec, (2, 3), 9)(ITEMS).shape for spec in (Cosine(), Linear(), Mlp())} == dict.fromkeys(
        NETWORKS, (4, 9)
    )
