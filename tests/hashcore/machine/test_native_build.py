from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from hashcore import _kernels
from hashcore.errors import StaleBuildError
from hashcore.machine import native_build
from indexer import _native


def copy_of_the_sources(tmp_path, monkeypatch):
    for folder in native_build.FOLDERS:
        shutil.copytree(native_build.ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(native_build, "ROOT", tmp_path)


@pytest.mark.parametrize("module", [_kernels, _native])
def test_a_module_older_than_its_sources_is_refused_with_what_to_type(tmp_path, monkeypatch, module):
    copy_of_the_sources(tmp_path, monkeypatch)
    native_build.check_built(module)
    with (tmp_path / "indexer/native/sparse/lists.cpp").open("a") as file:
        file.write(" ")
    with pytest.raises(StaleBuildError, match=r"^\S+ was built from other sources than are in .*; type make setup$"):
        native_build.check_built(module)


def test_a_module_that_does_not_say_its_sources_is_stale():
    with pytest.raises(StaleBuildError):
        native_build.check_built(SimpleNamespace(__file__="old.so"))


def test_an_installed_module_without_sources_is_its_own(tmp_path, monkeypatch):
    with pytest.raises(StaleBuildError):
        native_build.check_built(SimpleNamespace(__file__="wheel.so"))
    monkeypatch.setattr(native_build, "ROOT", tmp_path)
    assert native_build.check_built(SimpleNamespace(__file__="wheel.so")) is None
