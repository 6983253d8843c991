"""Hashers of strangers: loading runs none of their code unless it is allowed, and takes no memory for bare promises."""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from pathlib import Path

import hostile_hashers
import numpy as np
import pytest
import torch

from hashcore.errors import ConfigError, CorruptHasherError, InvalidInputError, UnknownFormatError
from hashcore.hasher import Hasher, Modality
from hashcore.inputs.features import FeatureInput
from hashcore.networks.spec import Own, Preprocessing

RUNS = 60
NETWORK = """
from torch import nn
from os import environ
environ["HOSTILE_RAN"] = __name__
def make(shape, outputs, **settings):
    if settings:
        raise KeyError("settings are not\\nknown")
    return nn.Linear(shape[0], outputs)
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder of modules that tell the environment when they run, on the path of this process."""
    for name in ("stranger.py", "strangers.py", "flat/__init__.py", "flat/nets.py"):
        (tmp_path / "modules" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "modules" / name).write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.delenv("HOSTILE_RAN", raising=False)
    yield
    for name in ("stranger", "strangers", "flat", "flat.nets"):
        sys.modules.pop(name, None)


def saved(tmp_path, path, **settings):
    """Write a hasher whose network is a stranger's, without having loaded it."""
    torch.manual_seed(0)
    network = torch.nn.Linear(5, 8)
    reads = Modality(
        input=FeatureInput(dimensions=5), preprocessing=Preprocessing(), network=Own(path=path, settings=settings)
    )
    plain = Modality(input=reads.input, preprocessing=reads.preprocessing, network={"name": "linear"})
    module = torch.nn.Sequential(plain.module(8)[0], network)
    hasher = Hasher(8, {"x": reads}, {"x": module})
    hasher.save(str(tmp_path / "hasher"))
    return hasher, str(tmp_path / "hasher")


def test_loading_a_hasher_runs_no_code_that_is_not_allowed(tmp_path, modules):
    _, folder = saved(tmp_path, "stranger:make")
    with pytest.raises(InvalidInputError) as caught:
        Hasher.load(folder)
    assert "HOSTILE_RAN" not in os.environ and "stranger" not in sys.modules
    text = str(caught.value)
    assert text.startswith(f"{folder}/hasher.json: ") and "network.path=stranger:make" in text
    assert "allow=('stranger',)" in text and "hasher: {allow: [stranger]}" in text and "\n" not in text


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("strangers:make", ("stranger",)),
        ("stranger:make", ("strangers", "flat", "stranger.nets", "", "stranger:make")),
        ("flat:make", ("flat.nets",)),
        ("flat.nets:make", ("nets", "flat.net")),
    ],
)
def test_a_module_is_not_allowed_by_a_name_like_its_own(tmp_path, modules, path, allow):
    _, folder = saved(tmp_path, path)
    with pytest.raises(InvalidInputError, match="not allowed to run here"):
        Hasher.load(folder, allow=allow)
    assert "HOSTILE_RAN" not in os.environ


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("stranger:make", ("others", "stranger")),
        ("flat.nets:make", ["flat.nets"]),
        ("flat.nets:make", ("flat",)),
    ],
)
def test_an_allowed_module_or_its_package_makes_the_network(tmp_path, modules, path, allow):
    hasher, folder = saved(tmp_path, path)
    loaded = Hasher.load(folder, allow=allow)
    assert os.environ["HOSTILE_RAN"] == path.partition(":")[0]
    items = np.random.default_rng(0).standard_normal((9, 5), np.float32)
    assert np.array_equal(loaded.project(items, "x"), hasher.project(items, "x"))
    assert loaded.fingerprint == hasher.fingerprint


def test_a_text_in_place_of_a_list_of_modules_is_refused(tmp_path, modules):
    _, folder = saved(tmp_path, "stranger:make")
    with pytest.raises(InvalidInputError, match=r"give a list of modules, as in allow=\('stranger',\)"):
        Hasher.load(folder, allow="stranger")


def test_an_allowed_network_that_cannot_be_made_is_no_damage(tmp_path, modules):
    for path, settings, said in (
        ("nowhere_at_all:make", {}, "No module named 'nowhere_at_all'; install the module"),
        ("stranger:make", {"depth": 2}, "KeyError: 'settings are not"),
    ):
        _, folder = saved(tmp_path, path, **settings)
        with pytest.raises(ConfigError, match=said) as caught:
            Hasher.load(folder, allow=("nowhere_at_all", "stranger"))
        assert "\n" not in str(caught.value)


def test_an_allowed_network_is_not_made_for_items_of_another_size_than_the_weights(tmp_path, modules):
    _, folder = saved(tmp_path, "stranger:make")
    changed(folder, lambda d: d["modalities"]["x"]["input"].update(dimensions=10**12))
    with pytest.raises(CorruptHasherError, match=r"0\.mean of network own has shape \(5,\) and must have"):
        Hasher.load(folder, allow=("stranger",))
    assert "HOSTILE_RAN" not in os.environ


@pytest.mark.parametrize("name", hostile_hashers.READ)
def test_a_hasher_of_every_network_is_read_back_bit_by_bit(tmp_path, name):
    hasher, described = hostile_hashers.made(name), hostile_hashers.READ[name][0]
    hasher.save(str(tmp_path))
    torch.manual_seed(1)
    loaded = Hasher.load(str(tmp_path))
    items = np.random.default_rng(0).integers(0, 2, (9, *described.shape)).astype(described.dtype)
    assert np.array_equal(loaded.project(items, "x"), hasher.project(items, "x"))
    assert np.ptp(loaded.project(items, "x")) > 0


@pytest.mark.parametrize("name", hostile_hashers.READ)
def test_shapes_are_known_without_weights(name):
    hasher = hostile_hashers.made(name)
    reads, weights = hasher.modalities["x"], hasher.modules["x"].state_dict()
    assert reads.shapes(12) == {key: tuple(weight.shape) for key, weight in weights.items()}
    holding = {key.rpartition(".")[0] for key, weight in weights.items() if key.endswith("weight") and weight.ndim > 1}
    assert reads.network.layers <= max(len(holding), 1)


def changed(folder, change):
    """Change the description of a hasher."""
    path = Path(folder) / "hasher.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


LAYERS = r"has \d+ layers, and there are \d+ weights"
SHAPE = r"has shape \([\d, ]*\) and must have \(|a size that no tensor has"
SIZES = [
    ("mlp", {"hidden": [10**9]}, LAYERS + "|" + SHAPE),
    ("mlp", {"hidden": [10**9, 6]}, SHAPE),
    ("mlp", {"hidden": [10**30, 6]}, SHAPE),
    ("mlp", {"hidden": [1] * 10**6}, LAYERS),
    ("mlp", {"hidden": [0] * 10**6}, "greater than or equal to 1"),
    ("convolutional", {"convolutions": 10**9}, LAYERS),
    ("convolutional", {"channels": [10**9, 8]}, SHAPE),
    ("convolutional", {"channels": [1] * 10**6}, LAYERS),
    ("residual", {"blocks": 10**9}, LAYERS),
    ("residual", {"channels": [4, 10**9]}, SHAPE),
    ("nin", {"widths": [10**9] * 4}, SHAPE),
    ("nin", {"widths": [0, 5, 6, 7]}, "greater than or equal to 1"),
    ("nin", {"features_per_bit": 10**12}, SHAPE),
    ("nin full", {"features_per_bit": 10**9}, SHAPE),
    ("ista", {"iterations": 10**9}, "less than or equal to 1000"),
]
PARTS = [
    ("linear", "input", {"dimensions": 10**12}, SHAPE),
    ("ista", "input", {"dimensions": 10**9}, SHAPE),
    ("convolutional", "input", {"height": 8192, "width": 8192}, SHAPE),
    ("convolutional", "input", {"height": 10**9, "width": 10**9}, "exceed 67108864 pixels"),
    ("identity", "input", {"vocabulary": [0] * 10**6}, "valid string"),
]


CASES = [*((name, "network", values, said) for name, values, said in SIZES), *PARTS]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Error and seconds of loading each case, all in a process that may take 1 GiB."""
    folder = tmp_path_factory.mktemp("hashers")
    for number, (name, part, values, _) in enumerate(CASES):
        hostile_hashers.made(name).save(str(folder / str(number)))
        changed(folder / str(number), lambda d, part=part, values=values: d["modalities"]["x"][part].update(values))
    return hostile_hashers.run(folder)


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=lambda number: f"{CASES[number][0]}-{str(CASES[number][2])[:30]}"
)
def test_sizes_that_the_weights_have_not_are_refused_before_memory_is_taken(outcomes, number):
    text, seconds = outcomes[str(number)]
    assert text.startswith("CorruptHasherError: ") and "memory" not in text and "\n" not in text
    assert re.search(CASES[number][3], text), text
    assert seconds < 10


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"format_version": ' + "[" * 100_000])
def test_a_description_that_is_nested_deeply_is_named(tmp_path, text):
    hostile_hashers.made("linear").save(str(tmp_path))
    (tmp_path / "hasher.json").write_text(text)
    with pytest.raises(CorruptHasherError, match=r"hasher.json is no description of a hasher \(nested too deeply\)"):
        Hasher.load(str(tmp_path))


@pytest.mark.parametrize(
    "values",
    [
        {"code_length": float("nan")},
        {"code_length": 10**9},
        {"code_length": 12.0},
        {"code_length": [[]]},
        {"kind": ["dense"]},
        {"kind": "\n"},
        {"modalities": ["x"]},
        {"modalities": {"\ud800": 1, "a\nb": 2}},
        {"fingerprint": {}},
        {"fingerprint": "a\nb" * 1000},
        {"provenance": 5},
        {"provenance": None},
    ],
    ids=str,
)
def test_values_of_odd_kinds_are_named_in_one_line(tmp_path, values):
    hostile_hashers.made("linear").save(str(tmp_path))
    changed(tmp_path, lambda description: description.update(values))
    with pytest.raises(CorruptHasherError) as caught:
        Hasher.load(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 600 + len(str(tmp_path))


def test_a_format_of_many_lines_is_named_in_one(tmp_path):
    hostile_hashers.made("linear").save(str(tmp_path))
    changed(tmp_path, lambda description: description.update(format_version="2\n\x1b[2J" * 1000))
    with pytest.raises(UnknownFormatError) as caught:
        Hasher.load(str(tmp_path))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    "header",
    [
        {"x.0.mean": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}},
        {"x.0.mean": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}},
        {"x.0.mean": {"dtype": "F4", "shape": [0], "data_offsets": [0, 0]}},
        {"x.0.mean": {"dtype": "F8_E8M0", "shape": [0], "data_offsets": [0, 0]}},
        {"x.0.mean": {"dtype": "object", "shape": [1], "data_offsets": [0, 8]}},
        {"x.0.mean": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**63]}},
        {"x.0.mean": []},
        [],
        "",
    ],
    ids=str,
)
def test_odd_headers_of_weights_are_named(tmp_path, header):
    hostile_hashers.made("linear").save(str(tmp_path))
    text = json.dumps(header).encode()
    (tmp_path / "weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(CorruptHasherError) as caught:
        Hasher.load(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_mutated_hashers_are_loaded_or_refused_in_one_line(tmp_path):
    found = hostile_hashers.run(tmp_path, 0, RUNS)
    assert found["bad"] == [] and found["slowest_s"] < 10
    assert sum(found["counts"].values()) == RUNS * len(hostile_hashers.READ)
    assert found["counts"]["loaded"] > 0 and found["counts"]["CorruptHasherError"] > 100
