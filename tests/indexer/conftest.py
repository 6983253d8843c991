"""A small corpus and its index, and shards that tests change before they open them."""

from __future__ import annotations

import numpy as np
import pytest
import subjects

import indexer
from hashcore import codes
from hashcore.labels import Labels
from indexer.shards import contents
from indexer.structures.planning import plan_layout


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


@pytest.fixture
def corpus():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (600, 40))
    bits[300:] = bits[:300]
    labels = Labels.from_lists([[i % 3] if i % 2 else [] for i in range(600)])
    return np.arange(600) * 7, codes.pack(bits), labels


@pytest.fixture
def root(tmp_path, corpus):
    ids, packed, labels = corpus
    layout = plan_layout(packed, code_length=40, rows_per_shard=600, scan_below=0)
    indexer.build(str(tmp_path / "index"), ids, packed, code_length=40, labels=labels, layout=layout)
    return tmp_path / "index"
