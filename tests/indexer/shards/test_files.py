"""What lies on disk of a shard: documented arrays that give back its rows, and damage that is named."""

import numpy as np
import pytest
from safetensors import safe_open

import indexer
from hashcore import codes
from hashcore.errors import CorruptIndexError, UnknownFormatError


def shard_path(root):
    (path,) = (root / "shards").iterdir()
    return path


def test_a_shard_is_a_safetensors_file_of_the_documented_arrays(root):
    with safe_open(str(shard_path(root)), "numpy") as file:
        names = set(file.keys())
        assert {"codes", "ids", "row_offsets", "label_offsets", "label_values", "table0.offsets"} <= names
        assert {"table1.offsets", "table1.positions", "table1.words"} <= names
        stored = file.get_tensor("codes")
        assert stored.shape == (1, 300) and (np.diff(stored[0].astype(np.int64)) > 0).all()
        assert file.metadata()["format"] == "hashcore-shard" and file.metadata()["version"] == "1"


def test_a_shard_gives_back_its_rows(root, corpus):
    ids, packed, labels = corpus
    shard = indexer.open(str(root)).open_shard(0)
    rows = np.argsort(ids)[np.searchsorted(np.sort(ids), shard.contents.ids)]
    assert sorted(rows.tolist()) == list(range(600))
    assert np.array_equal(shard.contents.row_codes(), packed[rows])
    stored = shard.contents.labels()
    assert [stored.of(i).tolist() for i in range(600)] == [labels.of(row).tolist() for row in rows]


def test_a_shards_histograms_count_rows_and_relevant_rows(root, corpus):
    _, packed, labels = corpus
    shard = indexer.open(str(root)).open_shard(0)
    vocabulary = np.arange(3, dtype=np.int32)
    items, asked = shard.contents.labels().to_masks(vocabulary), labels.slice(0, 20).to_masks(vocabulary)
    every, relevant = shard.contents.distance_histograms(packed[:20], asked, items)
    distances = (codes.unpack(packed[:20], 40)[:, None] != codes.unpack(packed, 40)[None]).sum(-1)
    shares = (asked[:, None] & labels.to_masks(vocabulary)[None]).any(-1)
    for i in range(20):
        assert np.array_equal(every[i], np.bincount(distances[i], minlength=41))
        assert np.array_equal(relevant[i], np.bincount(distances[i][shares[i]], minlength=41))
    assert relevant.sum() > 0


def test_a_flipped_bit_anywhere_in_a_small_shard_is_found_on_opening(root):
    path = shard_path(root)
    good = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in [*range(16), *rng.integers(16, len(good), 200).tolist()]:
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(CorruptIndexError, match=path.name):
            indexer.open(str(root)).open_shard(0)


@pytest.mark.parametrize("length", [0, 5, 100, -1, -1000])
def test_a_truncated_shard_is_found_on_opening(root, length):
    path = shard_path(root)
    content = path.read_bytes()
    path.write_bytes(content[:length])
    with pytest.raises(CorruptIndexError, match="expected"):
        indexer.open(str(root)).range_search(np.zeros((1, 5), np.uint8), 3)


def test_a_missing_shard_is_named(root):
    path = shard_path(root)
    path.unlink()
    with pytest.raises(CorruptIndexError, match=f"{path.name}: the shard is missing"):
        indexer.open(str(root)).knn_search(np.zeros((1, 5), np.uint8), 3)


def test_verify_reads_every_byte(root, monkeypatch):
    monkeypatch.setattr("indexer.shards.contents.VERIFIED_ON_OPEN_BYTES", 0)
    indexer.open(str(root)).verify()
    path = shard_path(root)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptIndexError, match="SHA-256"):
        indexer.open(str(root)).verify()


def test_an_unknown_shard_format_is_refused_by_its_number(root):
    path = shard_path(root)
    content = path.read_bytes()
    assert b'"version":"1"' in content
    path.write_bytes(content.replace(b'"version":"1"', b'"version":"9"'))
    with pytest.raises(UnknownFormatError, match="version 9 is unknown to this reader"):
        indexer.Shard(path)
