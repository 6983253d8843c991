"""A network of the user's own is its source, too: what changes the code changes the hasher, and is told by its file."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.networks.own_source import sources
from hashcore.networks.spec import Own
from hashcore.training import fit
from hashcore.training.config import TrainingConfig

NETS = """
from math import prod
from torch import nn
from layers_beside import last
def make(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), 8), nn.ReLU(), last(8, outputs))
"""
LAYERS = """
def last(inputs, outputs):
    from torch import nn
    return nn.Linear(inputs, outputs)
"""
ITEMS = np.random.default_rng(0).standard_normal((64, 5)).astype(np.float32)
LABELS = Labels.from_lists([[row % 2] for row in range(64)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of modules of the user's own, which this process finds."""
    names = {"nets_of_mine": NETS, "layers_beside": LAYERS, "not_imported": "x = 1\n"}
    for name, text in names.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def saved(folder, tmp_path):
    """A hasher that was trained with these modules."""
    network = Own(path="nets_of_mine:make")
    hasher = fit(ITEMS, LABELS, TrainingConfig(code_length=8, network=network, epochs=1, batch_size=16))
    hasher.save(str(tmp_path / "hasher"))
    return str(tmp_path / "hasher")


def load(uri):
    return Hasher.load(uri, allow=("nets_of_mine",))


def test_the_source_of_a_network_and_what_it_imports_from_beside_it_is_part_of_the_hasher(saved):
    hasher = load(saved)
    assert sorted(hasher.modalities["features"].sources) == ["layers_beside", "nets_of_mine"]
    assert hasher.encode(ITEMS, "features").shape == (64, 1)


@pytest.mark.parametrize(
    ("file", "old", "new"), [("nets_of_mine.py", "ReLU", "Tanh"), ("layers_beside.py", "nn.Linear(", "nn.LazyLinear(")]
)
def test_a_hasher_whose_source_has_changed_is_refused_by_the_name_of_the_file(saved, folder, file, old, new):
    text = (folder / file).read_text()
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(
        InvalidInputError, match=rf"{folder}/{file} has changed since .*bring back the source"
    ) as caught:
        load(saved)
    assert "\n" not in str(caught.value)
    (folder / file).write_text(text)
    assert load(saved).encode(ITEMS, "features").shape == (64, 1)


def test_a_hasher_whose_source_is_not_here_is_refused_by_the_name_of_the_module(saved, folder):
    (folder / "layers_beside.py").unlink()
    with pytest.raises(InvalidInputError, match="module layers_beside is not here"):
        load(saved)


def test_what_is_not_imported_changes_nothing(saved, folder):
    (folder / "not_imported.py").write_text("x = 2\n")
    assert load(saved).encode(ITEMS, "features").shape == (64, 1)


def test_another_source_gives_another_fingerprint(folder):
    config = TrainingConfig(code_length=8, network=Own(path="nets_of_mine:make"), epochs=1, batch_size=16)
    before = fit(ITEMS, LABELS, config).fingerprint
    assert fit(ITEMS, LABELS, config).fingerprint == before
    (folder / "layers_beside.py").write_text(LAYERS + "# changed\n")
    for name in ("nets_of_mine", "layers_beside"):
        sys.modules.pop(name)
    assert fit(ITEMS, LABELS, config).fingerprint != before


def test_a_source_that_was_changed_after_its_import_is_not_taken_for_what_runs(folder):
    config = TrainingConfig(code_length=8, network=Own(path="nets_of_mine:make"), epochs=1, batch_size=16)
    fit(ITEMS, LABELS, config)
    (folder / "layers_beside.py").write_text(LAYERS + "# changed\n")
    with pytest.raises(ConfigError, match=rf"{folder}/layers_beside.py has changed since this process imported it"):
        fit(ITEMS, LABELS, config)


def test_hashers_of_this_package_have_no_sources_and_say_nothing_of_them(tmp_path):
    hasher = fit(ITEMS, LABELS, TrainingConfig(code_length=8, epochs=1, batch_size=16))
    hasher.save(str(tmp_path / "hasher"))
    assert "sources" not in (tmp_path / "hasher" / "hasher.json").read_text()


def test_packages_and_relative_imports_are_followed_and_nothing_is_run(tmp_path, monkeypatch):
    stop = "raise SystemExit('run')\n"
    texts = {
        "pack_of_mine/__init__.py": stop,
        "pack_of_mine/nets.py": "from . import layers\nfrom .deep.more import x\nimport torch, hashcore.codes\n" + stop,
        "pack_of_mine/layers.py": stop,
        "pack_of_mine/unused.py": stop,
        "pack_of_mine/deep/__init__.py": "",
        "pack_of_mine/deep/more.py": "from ..layers import y\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    names = {"", ".nets", ".layers", ".deep", ".deep.more"}
    assert set(sources("pack_of_mine.nets")) == {f"pack_of_mine{name}" for name in names}
    assert "pack_of_mine" not in sys.modules


def test_of_an_installed_package_only_its_own_modules_count(tmp_path, monkeypatch):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "installed_nets.py").write_text("import other_package\n")
    (installed / "other_package.py").write_text("")
    monkeypatch.syspath_prepend(installed)
    assert set(sources("installed_nets")) == {"installed_nets"}
    assert sources("no_such_module.anywhere") == {}
