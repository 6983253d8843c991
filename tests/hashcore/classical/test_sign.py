"""Method sign: bits are the signs of components, by plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.classical import sign
from hashcore.codes import unpack
from hashcore.errors import InvalidInputError
from jobs.config.pipeline import load
from jobs.training import decisive


def embeddings(rows=200, dimensions=24):
    return (np.random.default_rng(0).standard_normal((rows, dimensions)) + 0.3).astype(np.float32)


@pytest.mark.parametrize("length", [24, 10])
def test_without_the_mean_bits_are_what_sentence_transformers_call_ubinary(length):
    items = embeddings()
    codes = sign.fit(items, length, center=False).encode(items, "features")
    assert unpack(codes, length).tolist() == [[int(value > 0) for value in row[:length]] for row in items.tolist()]


def test_with_the_mean_each_bit_says_which_components_exceed_their_mean():
    items = embeddings()
    bits = unpack(sign.fit(items, 24).encode(items, "features"), 24)
    means = [sum(column) / len(items) for column in items.T.tolist()]
    wanted = [[int(value > mean) for value, mean in zip(row, means, strict=True)] for row in items.tolist()]
    assert bits.tolist() == wanted
    assert 0.3 < bits.mean(0).min() <= bits.mean(0).max() < 0.7


def test_more_bits_than_components_are_refused():
    with pytest.raises(InvalidInputError, match="code_length=25 exceeds the 24 components of the items; use code_len"):
        sign.fit(embeddings(), 25)


def test_a_pipeline_says_how_many_components_are_taken_and_whether_the_mean_is_subtracted(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\ntrain: {method: sign, modality: features}\n")
    with pytest.raises(Exception, match="method=sign takes a bit from each of the first code_length components; give"):
        load(tmp_path / "a.yaml")
    one = load(tmp_path / "a.yaml", ["train.code_length=24"])
    other = load(tmp_path / "a.yaml", ["train.code_length=24", "train.preprocessing.center=false"])
    assert one.fingerprint(*decisive.keys(one)) != other.fingerprint(*decisive.keys(other))
