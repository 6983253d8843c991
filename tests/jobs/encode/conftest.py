"""The hasher that encodes, and the corpus that it reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from encoded_corpus import CODE_LENGTH, DIMENSIONS, features, write_corpus

from hashcore.hasher import Hasher, Modality
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.networks.spec import Linear, Preprocessing


@pytest.fixture(scope="module")
def hasher():
    """Random hyperplanes for features and for images of 2 × 3 pixels."""
    torch.manual_seed(0)
    inputs = {"features": FeatureInput(dimensions=DIMENSIONS), "image": ImageInput(height=2, width=3)}
    modalities = {
        name: Modality(input=spec, preprocessing=Preprocessing(), network=Linear()) for name, spec in inputs.items()
    }
    return Hasher(CODE_LENGTH, modalities, {name: spec.module(CODE_LENGTH) for name, spec in modalities.items()})


@pytest.fixture
def root(tmp_path, hasher):
    """A pipeline's root with a hasher, a database of 20 rows and 6 queries."""
    root = tmp_path / "a root"  # a space in it, since Spark turns paths into URIs
    hasher.save(str(root / "hasher"))
    for part, rows, seed in (("database", 20, 0), ("queries", 6, 1)):
        columns = {"id": np.arange(rows) + 7, "features": features(rows, seed).tolist(), "labels": [[1, 2]] * rows}
        write_corpus(root / "corpus" / part, columns, files=3)
    return root
