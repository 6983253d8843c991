"""Manifests: their numbers, their parents, their versions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from changing_index import InADirectory, InS3, holds, put, some_items

import indexer
from hashcore.errors import CorruptIndexError, InvalidInputError, UnknownFormatError
from hashcore.labels import Labels
from indexer.generations.manifest import read_manifest


class Manifest:
    def test_an_index_opens_whose_current_generation_a_vacuum_removes_meanwhile(self, root, built, monkeypatch):
        index, _ = built
        reader, get = indexer.open(root).store, type(index.store).get

        def get_late(store, key):
            if store is reader and key.startswith("manifests/") and index.generation == 1:
                index.append(*some_items(3, seed=2, first_id=2_000))
                index.vacuum(older_than_s=0)
            return get(store, key)

        monkeypatch.setattr(type(reader), "get", get_late)
        assert read_manifest(reader).generation == 2

    def test_a_number_far_above_the_current_one_is_no_generation(self, root, built):
        index, _ = built
        index.store.put_new("manifests/999999999999999999.json", b"stray")
        assert index.append(*some_items(3, seed=2, first_id=2_000)).generation == 2
        assert indexer.open(root).inspect().generations == (1, 2)
        with pytest.raises(InvalidInputError, match="use one of 1, 2"):
            indexer.open(root, generation=7)

    @pytest.mark.parametrize("parent", [1, 2])
    def test_a_generation_that_does_not_follow_its_parent_is_refused(self, root, built, parent):
        index, _ = built
        put(index.store, index.manifest.model_copy(update={"parent": parent}))
        with pytest.raises(CorruptIndexError, match=f"parent {parent} is not before generation 1"):
            indexer.open(root)


class TestInADirectory(InADirectory, Manifest):
    def test_a_manifest_of_version_1_is_read(self, root, built):
        _, items = built
        path = Path(root, "manifests", "00000001.json")
        old = json.loads(path.read_text())
        old["format_version"] = 1
        del old["writer"], old["checksum"]
        Path(root, "CURRENT").write_text("1\n")
        old["shards"] = [{k: e[k] for k in ("digest", "rows", "distinct", "bytes")} for e in old["shards"]]
        path.write_text(json.dumps(old))
        reopened = indexer.open(root)
        holds(reopened, items)
        with pytest.raises(InvalidInputError, match="in the index already"):
            reopened.append(np.array([next(iter(items))]), np.zeros((1, 5), np.uint8), Labels.from_lists([[1]]))
        reopened.delete(np.array([next(iter(items))]))
        holds(reopened, dict(list(items.items())[1:]))


class TestInS3(InS3, Manifest):
    pass


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"format_version": 7}, UnknownFormatError, "index format 7 is unknown"),
        ({"rows_total": 3}, CorruptIndexError, "rows_total"),
        ({"generation": "x"}, CorruptIndexError, "generation"),
        (
            {"shards": [{"digest": "../../etc/passwd", "rows": 1, "distinct": 1, "bytes": 1}]},
            CorruptIndexError,
            "digest",
        ),
    ],
)
def test_a_manifest_that_is_not_known_or_not_valid_is_refused(root, change, error, message):
    path = root / "manifests" / "00000001.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(error, match=message):
        indexer.open(str(root))


def test_a_current_that_names_no_generation_is_refused(root):
    (root / "CURRENT").write_text("../1\n")
    with pytest.raises(CorruptIndexError, match="expected a generation's number"):
        indexer.open(str(root))
