"""States of trainings that somebody else wrote: nothing that only they name is made, and damage is one line."""

from __future__ import annotations

import json
import struct
import sys

import pytest
import torch
from safetensors.torch import load, save

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.inputs.features import FeatureInput
from hashcore.labels import Labels
from hashcore.networks.spec import Linear, Mlp, Own
from hashcore.training import fit
from hashcore.training.checkpoint import FILE, TrainingState
from hashcore.training.config import TrainingConfig
from hashcore.training.in_process import finished

CONFIG = TrainingConfig(code_length=8, network=Linear(), epochs=1, batch_size=8)
WANTED = TrainingState(config=CONFIG, inputs={"features": FeatureInput(dimensions=5)})
ITEMS = torch.randn(16, 5, generator=torch.Generator().manual_seed(0)).numpy()
LABELS = Labels.from_lists([[row % 2] for row in range(16)])


@pytest.fixture
def state(tmp_path):
    """A folder that holds the state of a training."""
    fit(ITEMS, LABELS, CONFIG, checkpoints=str(tmp_path))
    return tmp_path / FILE


def told(state, standing=None, **weights):
    """Write a state anew with another standing or other weights."""
    content = state.read_bytes()
    header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    said = json.loads(header["__metadata__"]["standing"])
    if standing is not None:
        standing(said)
    state.write_bytes(save({**load(content), **weights}, metadata={"standing": json.dumps(said)}))


def test_a_state_gives_the_hasher_of_its_training(state):
    assert finished(str(state.parent), WANTED, 16).fingerprint == fit(ITEMS, LABELS, CONFIG).fingerprint


@pytest.mark.parametrize("network", [Own(path="named_by_state:make"), Mlp(hidden=(10**9,))], ids=lambda spec: spec.name)
def test_a_network_that_only_the_state_names_is_not_made(state, network, monkeypatch, tmp_path):
    (tmp_path / "named_by_state.py").write_text("raise RuntimeError('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    told(state, lambda standing: standing["config"].update(network=network.model_dump(mode="json")))
    with pytest.raises(ConfigError, match="holds the state of another training"):
        finished(str(state.parent), WANTED, 16)
    assert "named_by_state" not in sys.modules


def test_items_of_a_size_that_only_the_state_names_are_not_made_room_for(state):
    told(state, lambda standing: standing["inputs"]["features"].update(dimensions=10**12))
    with pytest.raises(ConfigError, match="holds the state of another training"):
        finished(str(state.parent), WANTED, 16)


def test_weights_of_another_shape_are_damage_in_one_line(state):
    for name in [name for name in load(state.read_bytes()) if name.startswith("module/branches")][:3]:
        told(state, **{name: torch.zeros(3, 4, 5)})
        for again in (lambda: finished(str(state.parent), WANTED, 16), lambda: resumed(state)):
            with pytest.raises(InvalidInputError, match=r"is damaged .*; remove it to train from the start") as caught:
                again()
            assert "\n" not in str(caught.value)


def test_best_weights_of_another_shape_are_damage_in_one_line(tmp_path):
    config = TrainingConfig.model_validate(CONFIG.model_dump() | {"validation_share": 0.25, "patience": 2})
    fit(ITEMS, LABELS, config, checkpoints=str(tmp_path))
    name = next(name for name in load((tmp_path / FILE).read_bytes()) if name.startswith("best/branches"))
    told(tmp_path / FILE, **{name: torch.zeros(3, 4, 5)})
    with pytest.raises(InvalidInputError, match="is damaged") as caught:
        fit(ITEMS, LABELS, config, checkpoints=str(tmp_path))
    assert "\n" not in str(caught.value)


def resumed(state):
    """Go on with a training."""
    return fit(ITEMS, LABELS, CONFIG, checkpoints=str(state.parent))


@pytest.mark.parametrize("name", ["optimizer/many/exp_avg", "optimizer//"])
def test_a_memory_of_no_weight_is_damage_in_one_line(state, name):
    told(state, **{name: torch.zeros(3)})
    with pytest.raises(InvalidInputError, match="is damaged"):
        resumed(state)


@pytest.mark.parametrize(
    "header",
    [
        {"__metadata__": {"standing": "[" * 100_000}},
        {"__metadata__": {}},
        {"module/x": {"dtype": "F4", "shape": [0], "data_offsets": [0, 0]}},
        {"module/x": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}},
    ],
    ids=lambda header: str(header)[:40],
)
def test_odd_headers_are_damage_in_one_line(state, header):
    text = json.dumps(header).encode()
    state.write_bytes(struct.pack("<Q", len(text)) + text)
    for again in (lambda: finished(str(state.parent), WANTED, 16), lambda: resumed(state)):
        with pytest.raises(InvalidInputError, match="is damaged") as caught:
            again()
        assert "\n" not in str(caught.value)
