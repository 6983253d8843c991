"""Shards that tests change before they open them."""

from __future__ import annotations

import pytest
import subjects

from indexer.shards import contents


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The subjects by name, built on first use."""
    held = {}

    def of(name):
        if name not in held:
            held[name] = subjects.make(name, tmp_path_factory.mktemp("subject") / name, deleted=False)
        return held[name]

    return of


@pytest.fixture
def large(monkeypatch):
    """Shards are opened as those above 64 MiB are: of their arrays only types and lengths are looked at."""
    monkeypatch.setattr(contents, "VERIFIED_ON_OPEN_BYTES", 0)
