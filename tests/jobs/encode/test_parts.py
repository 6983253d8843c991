"""Encode reads database and queries each by its own modality and labels, and goes on without queries."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from encoded_corpus import by_id, features, pipeline, write_corpus
from pictures import png

from hashcore.errors import InvalidInputError
from jobs import encode
from jobs.config.pipeline import Pipeline
from jobs.stages import codes_directory


def test_without_a_query_set_the_database_alone_is_encoded(spark, root, capsys):
    shutil.rmtree(root / "corpus" / "queries")
    encode.run(pipeline(root))
    assert f"encode queries: there is no {root}/corpus/queries; none encoded" in capsys.readouterr().out
    assert os.listdir(root / "codes") == ["database"]


def test_a_query_set_that_is_named_and_missing_is_an_error(spark, root):
    values = pipeline(root).model_dump()
    values["paths"]["corpus_queries"] = str(root / "corpus" / "asked")
    with pytest.raises(InvalidInputError, match="corpus/asked does not exist or is empty"):
        encode.run(Pipeline.model_validate(values))


def test_queries_without_labels_are_encoded_by_the_hint_of_the_error(spark, root, capsys):
    shutil.rmtree(root / "corpus" / "queries")
    write_corpus(root / "corpus" / "queries", {"id": range(3), "features": features(3).tolist()})
    with pytest.raises(InvalidInputError, match=r"--set encode\.queries\.labelled=false where items have none"):
        encode.run(pipeline(root))
    encode.run(pipeline(root, queries={"labelled": False}))
    assert "encode database: done before" in capsys.readouterr().out
    assert codes_directory.read(str(root / "codes" / "queries")).labels is None
    assert codes_directory.read(str(root / "codes" / "database")).labels is not None


def test_each_part_is_read_by_a_modality_of_its_own(spark, root, hasher, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 2, 3), np.uint8)
    shutil.rmtree(root / "corpus" / "queries")
    write_corpus(root / "corpus" / "queries", {"id": range(4), "image": [png(each) for each in pixels]})
    of_queries = {"modality": "image", "labelled": False}
    encode.run(pipeline(root, queries=of_queries))
    found = by_id(codes_directory.read(str(root / "codes" / "queries")))
    assert found == dict(enumerate(map(bytes, hasher.encode(pixels[:, None], "image"))))
    assert codes_directory.read_info(str(root / "codes" / "database")).modality == "features"
    encode.run(pipeline(root, queries=of_queries))
    assert capsys.readouterr().out.count("done before") == 2


def test_a_modality_of_a_part_that_the_hasher_does_not_read_is_named_by_its_key(root):
    with pytest.raises(InvalidInputError, match=r"encode\.database\.modality=sound: this hasher reads features, image"):
        encode.run(pipeline(root, database={"modality": "sound"}))


def test_an_unknown_modality_is_refused(root):
    with pytest.raises(InvalidInputError, match=r"encode\.modality=sound: this hasher reads features, image"):
        encode.run(pipeline(root, modality="sound"))
