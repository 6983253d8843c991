"""Networks against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.networks.by_name import build
from hashcore.networks.ista import inhibition
from hashcore.networks.layers import initialization
from hashcore.networks.layers.divide_and_encode import DivideAndEncode, PiecewiseThreshold
from hashcore.networks.layers.hash_layer import head_of, split
from hashcore.networks.spec import Convolutional, Cosine, Ista, Linear, Mlp, NetworkSpec, Nin, Own, Residual
from hashcore.spec import members

ITEMS = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL = {"widths": (4, 5, 6, 7), "features_per_bit": 2}


def weights(network):
    return [(layer.weight, layer.bias) for layer in network if isinstance(layer, torch.nn.Linear)]


@pytest.mark.parametrize("bounded", [False, True])
def test_linear_is_a_matrix_and_a_bias(bounded):
    network = build(Linear(bounded=bounded), (2, 3), 8)
    ((weight, bias),) = weights(network)
    wanted = ITEMS.flatten(1) @ weight.T + bias
    assert torch.allclose(network(ITEMS), torch.tanh(wanted) if bounded else wanted)


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


@pytest.mark.parametrize("spec", [Mlp(hidden=(50,), dropout=0.5), Mlp(hidden=(50,), input_dropout=0.5)])
def test_dropout_works_in_training_alone(spec):
    network = build(spec, (2, 3), 8)
    assert not torch.equal(network(ITEMS), network(ITEMS))
    network.eval()
    assert torch.equal(network(ITEMS), network(ITEMS))


def shrunk(values, thresholds):
    """The soft threshold, value by value."""
    rows = [
        [max(0.0, abs(z) - t) * (1 if z > 0 else -1) for z, t in zip(row, thresholds.tolist(), strict=True)]
        for row in values.tolist()
    ]
    return torch.tensor(rows)


@pytest.mark.parametrize("iterations", [0, 1, 3])
def test_ista_unfolds_shrinkages_that_share_their_weights(iterations):
    network = build(Ista(iterations=iterations, slope=0.8), (2, 3), 9)
    with torch.no_grad():
        network.thresholds.copy_(torch.linspace(0, 0.4, 9))
        drive = ITEMS.flatten(1) @ network.W.T
        code = shrunk(drive, network.thresholds)
        for _ in range(iterations):
            code = shrunk(drive + code @ network.S.T, network.thresholds)
    found = network(ITEMS)
    assert torch.allclose(found, torch.tanh(0.8 * code), atol=1e-6)
    assert (found == 0).any() and (found != 0).any()


def test_ista_begins_as_the_algorithm_with_items_as_dictionary():
    branch = nn.Sequential(nn.Flatten(), build(Ista(iterations=400), (6,), 4))
    items = torch.randn(50, 6, generator=torch.Generator().manual_seed(1))
    initialization.start(branch, items, 0.5, lambda total: total)
    network = branch[1]
    units = nn.functional.normalize(items, dim=1)
    assert all((units - row).norm(dim=1).min() < 1e-6 for row in network.W)
    assert network.thresholds.abs().max() == 0
    largest = torch.linalg.eigvalsh(network.W @ network.W.T).max()
    assert torch.allclose(network.S, torch.eye(4) - network.W @ network.W.T / largest, atol=1e-6)
    with torch.no_grad():  # ISTA scales the drive by 1/L; its fixed point then solves the least squares of x ≈ Wᵀ z
        code = units[:5] @ network.W.T / largest
        for _ in range(3000):
            code = units[:5] @ network.W.T / largest + code @ network.S.T
        solution = torch.linalg.lstsq(network.W.T, units[:5].T).solution.T
    assert torch.allclose(code, solution, atol=1e-3)


def test_the_thresholds_of_ista_are_learned_from_zero():
    network = build(Ista(), (2, 3), 9)
    network(ITEMS).abs().sum().backward()
    assert (network.thresholds.grad < 0).any()  # larger thresholds, smaller codes


def test_fewer_items_than_filters_leave_the_others_as_drawn():
    branch = nn.Sequential(nn.Flatten(), build(Ista(), (6,), 9))
    before = branch[1].W.detach().clone()
    initialization.start(branch, ITEMS.flatten(1), 0.5, lambda total: total)
    assert torch.equal(branch[1].W[4:], before[4:])
    assert torch.allclose(branch[1].S, inhibition(branch[1].W))


@pytest.mark.parametrize(("features", "sizes"), [(8, [2, 2, 2, 2]), (11, [3, 3, 3, 2])])
def test_divide_and_encode_gives_each_bit_a_slice_of_its_own(features, sizes):
    layer, items = DivideAndEncode(features, 4), torch.randn(5, features)
    start = 0
    for bit, size in enumerate(sizes):
        wanted = items[:, start : start + size] @ layer.weight[bit, :size] + layer.bias[bit]
        assert torch.allclose(layer(items)[:, bit], wanted, atol=1e-6)
        start += size
    assert start == features


def test_the_piecewise_threshold_cuts_outside_its_middle():
    values = torch.tensor([-3.0, -0.5, 0.0, 0.4, 2.0])
    layer = PiecewiseThreshold(slope=1.5, epsilon=0.2, decay=1.0, every=1)
    layer.eval()
    wanted = []
    for value in values.tolist():
        s = 1 / (1 + math.exp(-1.5 * value))
        wanted.append(2 * (0.0 if s < 0.3 else 1.0 if s > 0.7 else s) - 1)
    assert layer(values).tolist() == pytest.approx(wanted)
    assert wanted[0] == -1 and wanted[4] == 1 and 0 < wanted[3] < 1


def test_epsilon_falls_with_the_batches_of_training_and_is_kept_with_the_weights():
    layer = PiecewiseThreshold(slope=1.0, epsilon=0.5, decay=0.8, every=3)
    seen = []
    for _ in range(7):
        seen.append(layer.epsilon)
        layer(torch.zeros(2))
    assert seen == pytest.approx([0.5, 0.5, 0.5, 0.4, 0.4, 0.4, 0.32])
    layer.eval()
    layer(torch.zeros(2))
    again = PiecewiseThreshold(slope=1.0, epsilon=0.5, decay=0.8, every=3)
    again.load_state_dict(layer.state_dict())
    assert again.epsilon == layer.epsilon == pytest.approx(0.32)


def maps(network, images):
    """The shape of the maps behind each convolution or pooling."""
    shapes = []
    for layer in network:
        images = layer(images)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AdaptiveAvgPool2d):
            shapes.append(tuple(images.shape[1:]))
    return shapes


def test_the_network_in_network_has_the_layers_of_the_papers_table_1():
    network = build(Nin(**{**SMALL, "features_per_bit": 5}), (3, 227, 227), 2)
    shapes = [(4, 57, 57), (4, 57, 57), (4, 28, 28), (5, 28, 28), (5, 28, 28), (5, 14, 14)]
    shapes += [(6, 14, 14), (6, 14, 14), (6, 7, 7), (7, 7, 7), (10, 7, 7), (10, 1, 1)]
    assert maps(network, torch.randn(1, 3, 227, 227)) == shapes
    sizes = [layer.kernel_size[0] for layer in network if isinstance(layer, nn.Conv2d)]
    assert sizes == [11, 1, 5, 1, 3, 1, 3, 1]
    assert list(Nin().widths) == [96, 256, 384, 1024] and Nin().features_per_bit == 50


def test_small_images_keep_their_size_at_first():
    network = build(Nin(**SMALL), (3, 32, 32), 12)
    assert [shape[1] for shape in maps(network, IMAGES)] == [32, 32, 16, 16, 16, 8, 8, 8, 4, 4, 4, 1]
    assert network(IMAGES).shape == (2, 12)


def test_the_fully_connected_alternative_gives_each_bit_all_features():
    divided, full = (build(Nin(**SMALL, encoder=encoder), (3, 32, 32), 12) for encoder in ("divide", "full"))
    assert head_of(divided).weight.shape == (12, 2)
    assert head_of(full).weight.shape == (12, 24)
    assert full(IMAGES).abs().max() < 1


def test_the_residual_network_reads_images_one_by_one():
    network = build(Residual(channels=(8, 12), blocks=2, groups=4), (3, 32, 32), 9)
    assert torch.allclose(network(IMAGES)[:1], network(IMAGES[:1]), atol=1e-5)
    bounded = build(Residual(channels=(8,), bounded=True), (3, 32, 32), 9)
    assert bounded(IMAGES).abs().max() <= 1


def test_a_residual_block_adds_its_branch_to_its_input():
    block = build(Residual(channels=(8,)), (3, 32, 32), 9)[1]
    x = torch.randn(2, 8, 6, 6)
    with torch.no_grad():
        assert torch.equal(block(x), x + block.branch(x))
        assert block.branch(x).abs().max() > 0


def test_the_convolutional_network_is_stages_that_halve_and_connected_layers():
    spec = Convolutional(channels=(8, 12), convolutions=2, size=5, groups=4, hidden=(20, 10))
    network = build(spec, (3, 29, 32), 9).eval()
    assert [layer.weight.shape for layer in network if isinstance(layer, nn.Conv2d)] == [
        (8, 3, 5, 5), (8, 8, 5, 5), (12, 8, 5, 5), (12, 12, 5, 5)
    ]  # fmt: skip
    assert [layer.in_features for layer in network if isinstance(layer, nn.Linear)] == [12 * 7 * 8, 20, 10]
    images = IMAGES[:, :, :29]
    wanted = images
    with torch.no_grad():
        for layer in network:
            wanted = layer(wanted.contiguous())  # the layout of the weights is not one of the results
        assert torch.allclose(network(images), wanted, atol=1e-5)
        assert torch.allclose(network(images)[:1], network(images[:1]), atol=1e-5)
    assert build(Convolutional(channels=(8,), bounded=True), (3, 32, 32), 9)(IMAGES).abs().max() <= 1


def tower(shape, outputs, *, hidden=3):
    """A network of the user's own."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def not_a_network(shape, outputs):
    return [shape, outputs]


def test_a_network_of_the_users_own_is_found_by_its_path(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "towers", sys.modules[__name__])
    network = build(Own(path="towers:tower", settings={"hidden": 7}), (2, 3), 9)
    assert network[1].out_features == 7 and network(ITEMS).shape == (4, 9)
    for path, message in (
        ("towers:no_tower", "has no attribute 'no_tower'"),
        ("nowhere_at_all:tower", "No module named 'nowhere_at_all'"),
        ("towers:not_a_network", "returned a list"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            build(Own(path=path), (2, 3), 9)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="unexpected keyword argument 'depth'"):
        build(Own(path="towers:tower", settings={"depth": 2}), (2, 3), 9)


@pytest.mark.parametrize("spec", [Nin(), Residual(), Convolutional()])
def test_networks_of_images_refuse_other_items(spec):
    with pytest.raises(InvalidInputError, match=rf"network {spec.name} reads images"):
        build(spec, (6,), 8)


def test_images_too_small_for_the_pooling_are_refused():
    with pytest.raises(InvalidInputError, match="at least 8 x 8, and items have shape"):
        build(Nin(), (3, 6, 9), 8)
    with pytest.raises(InvalidInputError, match="halves images 3 times, and 7 x 9 pixels are too few"):
        build(Convolutional(channels=(4, 4, 4)), (3, 7, 9), 8)


SPECS = [Linear(), Cosine(), Mlp(), Ista(), Nin(**SMALL), Residual(channels=(8,)), Convolutional(channels=(8,))]


def test_every_network_can_be_chosen_by_its_spec():
    shapes = {spec.name: build(spec, (3, 32, 32), 9)(IMAGES).shape for spec in SPECS}
    names = {each.model_fields["name"].default for each in members(NetworkSpec)}
    assert shapes == dict.fromkeys(names - {"own", "identity"}, (2, 9))  # one takes a module, one makes no bits


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.name != "ista"])
def test_a_network_parts_into_features_hash_layer_and_bound(spec):
    network = build(spec, (3, 32, 32), 9).eval()
    trunk, head, bound = split(network)
    assert torch.equal(bound(head(trunk(IMAGES))), network(IMAGES))
    assert head(trunk(IMAGES)).shape == (2, 9)
    assert trunk(IMAGES).shape == (2, head.in_features)


def test_a_network_that_is_no_row_of_layers_has_no_parts():
    assert split(build(Ista(), (6,), 8)) is None
