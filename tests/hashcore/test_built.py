from __future__ import annotations

from types import SimpleNamespace

import pytest

from hashcore import _kernels, built
from hashcore.errors import StaleBuildError
from indexer import _tables


def copy_of_the_sources(tmp_path, monkeypatch):
    for folder in built.FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
        for source in (built.ROOT / folder).iterdir():
            (tmp_path / folder / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(built, "ROOT", tmp_path)


@pytest.mark.parametrize("module", [_kernels, _tables])
def test_a_module_older_than_its_sources_is_refused_with_what_to_type(tmp_path, monkeypatch, module):
    copy_of_the_sources(tmp_path, monkeypatch)
    built.check_built(module)
    with (tmp_path / "indexer/native/lists.cpp").open("a") as file:
        file.write(" ")
    with pytest.raises(StaleBuildError, match=r"^\S+ was built from other sources than are in .*; type make setup$"):
        built.check_built(module)


def test_a_module_that_does_not_say_its_sources_is_stale():
    with pytest.raises(StaleBuildError):
        built.check_built(SimpleNamespace(__file__="old.so"))


def test_an_installed_module_without_sources_is_its_own(tmp_path, monkeypatch):
    with pytest.raises(StaleBuildError):
        built.check_built(SimpleNamespace(__file__="wheel.so"))
    monkeypatch.setattr(built, "ROOT", tmp_path)
    assert built.check_built(SimpleNamespace(__file__="wheel.so")) is None
