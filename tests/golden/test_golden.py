"""Files of every version of the format are read, answer as they must, and their shards are still written byte for byte.

`make.py` says where they come from. A change that fails here needs a new version, and golden files of it.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from golden.make import GONE, KINDS, MORE, OF_VERSION_1, ROWS, VOCABULARY, WITH_KEYS
from golden.others import codes_of
from oracle import as_integers, pairs, ranking

import indexer
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from indexer.generations.manifest import Manifest, manifest_name
from indexer.storage.array_file import ArrayFile
from indexer.structures.layout import Layout
from jobs.stages import codes_directory

HERE = Path(__file__).parent
INDEXES = [
    *(("v1", name) for name in OF_VERSION_1),
    *(("v2", name) for name in KINDS),
    *(("v3", name) for name in WITH_KEYS),
]
HASHERS = [
    *(("v2", name) for name in ("hasher-itq", "hasher-mlp", "hasher-tags")),
    *(("v3", name) for name in ("hasher-image", "hasher-photographs")),
]


@pytest.fixture(params=INDEXES, ids="-".join)
def golden(request, tmp_path):
    """A copy of a golden index, without the rows that lie beside it."""
    version, name = request.param
    shutil.copytree(HERE / version / name, tmp_path / name, ignore=shutil.ignore_patterns("rows.npz"))
    return tmp_path / name


def rows_of(golden, version):
    with np.load(HERE / version / golden.name / "rows.npz") as held:
        offsets = np.concatenate([[0], np.cumsum(held["label_counts"])])
        lists = [held["label_values"][a:b].tolist() for a, b in pairwise(offsets)]
        return held["ids"], held["codes"], lists


def items_of(golden):
    """The keys of the rows, or their ids where they have none."""
    with np.load(HERE / version_of(golden) / golden.name / "rows.npz") as held:
        return held["keys"] if "keys" in held else held["ids"]


def version_of(golden):
    return f"v{Manifest.model_validate_json((golden / 'manifests' / '00000001.json').read_text()).format_version}"


def generations(golden):
    """The rows, by number, that each generation holds."""
    appended, gone = ROWS + MORE, set(range(0, ROWS, GONE))
    held = {1: range(ROWS), 2: range(appended), 3: [row for row in range(appended) if row not in gone]}
    return {1: held[1]} if version_of(golden) == "v1" else held


def test_there_is_every_version_and_every_kind(golden):
    assert len(INDEXES) == 9
    assert sorted(path.name for path in (golden / "manifests").iterdir()) == [
        f"{generation:08}.json" for generation in generations(golden)
    ]


def test_every_generation_verifies_and_answers_as_the_oracle_does(golden):
    ids, packed, _ = rows_of(golden, version_of(golden))
    for generation, held in generations(golden).items():
        index = indexer.open(str(golden), generation)
        index.verify()
        chosen = list(held)
        assert len(index) == len(chosen)
        database, queries = as_integers(packed[chosen]), packed[[0, 5, GONE, ROWS - 1, ROWS]]
        near = index.code_length // 6
        within, nearest = index.range_search(queries, near), index.knn_search(queries, 9)
        for number, query in enumerate(as_integers(queries)):
            ranked = ranking(ids[chosen].tolist(), database, query)
            assert pairs(within, number) == [pair for pair in ranked if pair[0] <= near]
            assert pairs(nearest, number) == ranked[:9]


def test_labels_are_those_of_the_rows(golden):
    ids, _, lists = rows_of(golden, version_of(golden))
    index, by_id = indexer.open(str(golden)), dict(zip(ids.tolist(), lists, strict=True))
    for number in range(len(index.shards)):
        shard = index.open_shard(number)
        assert shard.contents.labels().to_arrow().to_pylist() == [by_id[id_] for id_ in shard.contents.ids.tolist()]


def test_todays_writer_makes_the_same_shards_of_the_same_rows(golden, tmp_path):
    ids, packed, lists = rows_of(golden, version_of(golden))
    index, items = indexer.open(str(golden)), items_of(golden)
    row_of = {id_: row for row, id_ in enumerate(ids.tolist())}
    for entry in index.shards:
        file = ArrayFile(golden / entry.name, entry.digest)
        held = np.sort([row_of[id_] for id_ in (file.arrays["ids"].astype(np.int64) + file.facts["id_base"]).tolist()])
        layout = Layout.model_validate(file.facts["layout"])
        labels = Labels.from_lists([lists[row] for row in held])
        made = indexer.build_shard(
            str(tmp_path / "new"), items[held], packed[held], labels, layout=layout, keys=index.key_spec
        )
        written = ArrayFile(tmp_path / "new" / made.name, made.digest)
        assert written.facts["sha256"] == file.facts["sha256"]  # of each array
        if version_of(golden) != "v1":  # layouts tell more than those of version 1
            assert made.digest == entry.digest
            assert (tmp_path / "new" / made.name).read_bytes() == (golden / entry.name).read_bytes()


def test_todays_writer_makes_the_same_tombstones_and_manifests(golden):
    if version_of(golden) == "v1":
        pytest.skip("version 1 had no tombstones, and its manifests are no longer written")
    last = (golden / manifest_name(3)).read_bytes()
    manifest = Manifest.model_validate_json(last)
    assert manifest.checksum == manifest.digest()
    assert (manifest.model_dump_json(indent=1) + "\n").encode().split() == last.split()
    before = Manifest.model_validate_json((golden / manifest_name(2)).read_bytes())
    (golden / "CURRENT").write_text(f"2 {before.writer}\n")
    (golden / manifest_name(3)).unlink()
    index = indexer.open(str(golden)).delete(items_of(golden)[:ROWS:GONE])
    assert [entry.tombstones for entry in index.shards] == [entry.tombstones for entry in manifest.shards]


def test_keys_and_names_of_labels_are_those_of_the_rows():
    for name in WITH_KEYS:
        index, keys = indexer.open(str(HERE / "v3" / name)), items_of(HERE / "v3" / name)
        ids, packed, lists = rows_of(HERE / "v3" / name, "v3")
        kept = np.array([row for row in range(ROWS + MORE) if row >= ROWS or row % GONE])
        assert index.keys(ids[kept]).to_pylist() == keys[kept].tolist()
        assert np.array_equal(index.codes(keys[kept]), packed[kept])
        assert index.labels_of(keys[kept]).to_arrow().to_pylist() == [lists[row] for row in kept]
        assert index.deleted_in(keys[::GONE])[: ROWS // GONE].tolist() == [3] * (ROWS // GONE)
        assert index.manifest.vocabulary == tuple(VOCABULARY)


@pytest.mark.parametrize(("version", "name"), HASHERS)
def test_a_hasher_is_read_makes_the_same_codes_and_is_written_byte_for_byte(tmp_path, version, name):
    hasher = Hasher.load(str(HERE / version / name))
    with np.load(HERE / version / f"{name}.npz") as wanted:
        assert np.array_equal(codes_of(hasher), wanted["codes"])
    hasher.save(str(tmp_path / name))
    held = sorted(path.name for path in (tmp_path / name).iterdir())
    assert held == sorted(path.name for path in (HERE / version / name).iterdir()) and held
    for file in held:
        assert (tmp_path / name / file).read_bytes() == (HERE / version / name / file).read_bytes()


def test_a_codes_directory_is_read():
    rows, info = codes_directory.read(str(HERE / "v2" / "codes")), codes_directory.read_info(str(HERE / "v2" / "codes"))
    with np.load(HERE / "v2" / "codes.npz") as held:
        assert np.array_equal(rows.ids, held["ids"]) and np.array_equal(rows.codes, held["codes"])
    assert rows.labels.to_arrow().to_pylist()[:4] == [[], [0], [0, 1], []]
    assert (info.rows, info.code_length, info.kind, info.hasher_fingerprint) == (16, 24, "dense", "golden")
