"""Damage to every byte of a small index: it is named, or the answers are the same; never wrong ones, never a crash."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import small_index
from small_index import QUERIES

import indexer
from hashcore.errors import CorruptIndexError


def answers(root):
    """Open the index and ask it in every way; small values that differ where an answer does."""
    index = indexer.open(root)
    within, nearest = index.range_search(QUERIES, 12), index.knn_search(QUERIES, 5)
    rows = [shard.contents.ids.tolist() for shard in map(index.open_shard, range(len(index.shards)))]
    labels = [shard.contents.labels().values.tolist() for shard in map(index.open_shard, range(len(index.shards)))]
    return len(index), index.code_length, index.kind, rows, labels, within.ids.tolist(), nearest.ids.tolist()


@pytest.fixture
def root(tmp_path):
    """An index with two older generations, shards with tables, labels and tombstones."""
    small_index.start(str(tmp_path / "index"))
    small_index.append(str(tmp_path / "index"))
    return tmp_path / "index"


def survives(root, path, damaged, expected):
    """Assert that an index with a damaged file is refused or answers the same; return whether it was refused."""
    good = path.read_bytes()
    path.write_bytes(damaged)
    try:
        assert answers(str(root)) == expected
        return False
    except CorruptIndexError:
        return True
    finally:
        path.write_bytes(good)


def files_of(root):
    return sorted(path for path in root.rglob("*") if path.is_file() and path.parent.name != "tmp")


def places(path, every):
    size = path.stat().st_size
    return range(size) if every else np.random.default_rng(0).choice(size, min(size, 60), replace=False).tolist()


def flip_and_truncate(root, every):
    expected, refused = answers(str(root)), {}
    for path in files_of(root):
        good = path.read_bytes()
        for place in places(path, every):
            flipped = bytearray(good)
            flipped[place] ^= 1 << (place % 8)
            kind = path.parent.name
            refused.setdefault(kind, []).append(survives(root, path, bytes(flipped), expected))
            survives(root, path, good[:place], expected)
    assert answers(str(root)) == expected
    return refused


def test_large_shards_are_compared_with_their_digests_where_that_is_asked_for(root, monkeypatch):
    monkeypatch.setattr("indexer.shards.contents.VERIFIED_ON_OPEN_BYTES", 0)
    for path in (root / "shards").iterdir():
        damaged = bytearray(path.read_bytes())
        damaged[-1] ^= 1
        path.write_bytes(bytes(damaged))
    assert indexer.open(str(root)).open_shard(0).contents.rows
    with pytest.raises(CorruptIndexError, match=r"SHA-256"):
        indexer.open(str(root), verify=True).range_search(QUERIES, 1)


def test_some_flipped_and_truncated_bytes_are_named_or_harmless(root):
    refused = flip_and_truncate(root, every=False)
    assert sum(map(sum, refused.values())) > 100


@pytest.mark.faults
def test_every_flipped_and_truncated_byte_is_named_or_harmless(root):
    refused = flip_and_truncate(root, every=True)
    assert {kind: len(tried) for kind, tried in refused.items()}["shards"] > 5_000
    assert sum(map(sum, refused.values())) > 5_000


@pytest.mark.parametrize("folder", ["shards", "tombstones", "manifests"])
def test_files_in_each_others_place_are_named(root, folder):
    expected = answers(str(root))
    first, *_, last = sorted((root / folder).iterdir())
    if first != last:
        assert survives(root, last, first.read_bytes(), expected)
    other = next(path for path in files_of(root) if path.parent != first.parent)
    assert survives(root, last, other.read_bytes(), expected)


def test_a_current_of_an_older_generation_is_named(root):
    expected = answers(str(root))
    text = (root / "CURRENT").read_text()
    assert text.startswith("3 ")
    assert survives(root, root / "CURRENT", ("1" + text[1:]).encode(), expected)
    assert survives(root, root / "CURRENT", ("7" + text[1:]).encode(), expected)


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a" * 63, "A" * 64, "a" * 63 + "/"])
def test_a_name_that_leaves_the_root_is_refused(root, name):
    (manifest,) = root.glob("manifests/*3.json")
    for key in ("digest", "tombstones"):
        text = manifest.read_text()
        changed = text.replace(f'"{key}": "', f'"{key}": "{name}', 1)
        assert changed != text
        assert survives(root, manifest, changed.encode(), None)


def test_no_stored_file_is_unpickled(root, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("unpickled")

    monkeypatch.setattr("pickle.loads", refuse)
    monkeypatch.setattr("pickle.load", refuse)
    assert answers(str(root))[0] > 0
    shutil.rmtree(root)
