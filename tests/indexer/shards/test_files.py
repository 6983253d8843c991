"""What lies on disk: shards named by their content, generations that follow each other, damage that is named."""

import json
import multiprocessing
import shutil

import numpy as np
import pytest
from safetensors import safe_open

import indexer
from hashcore import codes
from hashcore.errors import CorruptIndexError, HashcoreError, InvalidInputError, OutputError, UnknownFormatError
from hashcore.labels import Labels
from indexer.generations.commit import commit_manifest
from indexer.structures.planning import plan_layout


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


def test_building_again_makes_a_new_generation_of_the_same_files(root, corpus):
    ids, packed, labels = corpus
    before = shard_path(root).name
    layout = indexer.open(str(root)).manifest.layout
    again = indexer.build(str(root), ids, packed, code_length=40, labels=labels, layout=layout)
    assert shard_path(root).name == before
    assert again.generation == 2 and again.manifest.parent == 1
    assert indexer.open(str(root)).generation == 2
    assert indexer.open(str(root), generation=1).generation == 1
    with pytest.raises(InvalidInputError, match="no generation 3; use one of 1, 2"):
        indexer.open(str(root), generation=3)


def commit_once(root, gate, results):
    index = indexer.open(root)
    manifest = index.manifest.successor(2, index.shards, {})
    gate.wait()
    try:
        commit_manifest(index.store, manifest)
        results.put("won")
    except OutputError as error:
        results.put(str(error))


def test_of_several_committers_at_once_one_wins_and_the_others_are_told(root):
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(4), context.Queue()
    crew = [context.Process(target=commit_once, args=(str(root), gate, results)) for _ in range(4)]
    for process in crew:
        process.start()
    outcomes = [results.get(timeout=30) for _ in crew]
    for process in crew:
        process.join()
    assert outcomes.count("won") == 1
    assert all("another writer committed first" in outcome for outcome in outcomes if outcome != "won")
    assert indexer.open(str(root)).generation == 2


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


def test_a_root_that_holds_something_else_is_left_alone(tmp_path, corpus):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        indexer.build(str(tmp_path), corpus[0], corpus[1], code_length=40)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_root_that_cannot_be_written_is_refused_in_one_line(tmp_path, corpus):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose a directory"):
        indexer.build(str(tmp_path / "file" / "index"), corpus[0], corpus[1], code_length=40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": np.zeros(600, np.int64)}, "599 ids are there more than once, such as 0"),
        ({"ids": np.arange(599)}, r"need whole numbers of shape \(600,\)"),
        ({"ids": np.arange(600.0)}, r"need whole numbers of shape \(600,\)"),
        (
            {"ids": np.arange(600, dtype=np.uint64) + 2**63 - 599},
            "9223372036854775808 is larger than",
        ),
        ({"codes": np.empty((0, 5), np.uint8), "ids": np.empty(0, np.int64)}, "no codes to index"),
        ({"code_length": 48}, "5 bytes wide but 48 bits take 6"),
        ({"rows_per_shard": 0}, "rows_per_shard=0"),
        ({"kind": "fuzzy"}, "use one of dense, sparse, ternary"),
        ({"labels": Labels.from_lists([[1]])}, "1 rows of labels for 600 codes"),
    ],
)
def test_what_is_no_corpus_is_refused_and_nothing_is_left(tmp_path, corpus, change, message):
    wanted = {"ids": corpus[0], "codes": corpus[1], "code_length": 40, **change}
    with pytest.raises(InvalidInputError, match=message):
        indexer.build(str(tmp_path / "index"), wanted.pop("ids"), wanted.pop("codes"), **wanted)
    assert not (tmp_path / "index").exists()


def test_no_index_is_said_plainly(tmp_path):
    with pytest.raises(InvalidInputError, match="holds no index"):
        indexer.open(str(tmp_path))


def test_a_build_that_dies_before_its_commit_leaves_the_old_generation(root, corpus, monkeypatch):
    ids, packed, _ = corpus
    before = indexer.open(str(root)).range_search(packed[:5], 9)

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("indexer.builder.commit_manifest", die)
    with pytest.raises(KeyboardInterrupt):
        indexer.build(str(root), ids[:100], packed[:100], code_length=40)
    after = indexer.open(str(root))
    assert after.generation == 1
    assert np.array_equal(after.range_search(packed[:5], 9).ids, before.ids)


def test_an_index_moved_elsewhere_still_opens(root, tmp_path, corpus):
    shutil.move(root, tmp_path / "moved")
    assert len(indexer.open(str(tmp_path / "moved"))) == 600
    assert issubclass(CorruptIndexError, HashcoreError)
