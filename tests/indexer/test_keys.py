"""Items have texts or bytes for keys, by which they are found and deleted; ids are hashes of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer
from hashcore.codes import pack
from hashcore.errors import CorruptIndexError, InvalidInputError
from hashcore.labels import Labels
from indexer.shards import key_arrays
from indexer.shards import keys as hashing
from indexer.shards.contents import ShardContents
from indexer.storage.array_file import ArrayFile, write_array_file

LENGTH = 16
# Of the specification's own tests (xxhsum sanity checks), and of the reference implementation.
PUBLISHED = {
    ("", 0): 0xEF46DB3751D8E999,
    ("a", 0): 0xD24EC4F1A98C6E5B,
    ("abc", 0): 0x44BC2CF5AD770999,
    ("The quick brown fox jumps over the lazy dog", 0): 0x0B242D361FDA71BC,
}


def codes_of(rows, seed=0):
    return pack(np.random.default_rng(seed).integers(0, 2, (rows, LENGTH)))


def built(root, keys, seed=0, rows_per_shard=7, **more):
    return indexer.build(
        str(root), keys, codes_of(len(keys), seed), code_length=LENGTH, rows_per_shard=rows_per_shard, **more
    )


def few_bits(monkeypatch, bits):
    """Let the hash have few bits, so that keys collide."""
    right = hashing._hashed
    monkeypatch.setattr(hashing, "_hashed", lambda *given: right(*given) & ((1 << bits) - 1))


@pytest.mark.parametrize(("text", "seed"), PUBLISHED)
def test_hashes_are_those_that_are_published(text, seed):
    found = indexer.key_ids([text], indexer.KeySpec(type="string", seed=seed))
    assert int(found.view(np.uint64)[0]) == PUBLISHED[text, seed]
    assert indexer.key_ids([text.encode()], indexer.KeySpec(type="binary", seed=seed)) == found


def plain_xxh64(data, seed):
    """XXH64 in plain Python, from its specification."""
    mask, p1, p2, p3, p4, p5 = (
        2**64 - 1,
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )

    def rotated(value, by):
        return ((value << by) | (value >> (64 - by))) & mask

    def mixed(lane, word):
        return rotated((lane + word * p2) & mask, 31) * p1 & mask

    hashed, begun = (seed + p5) & mask, len(data) - len(data) % 32
    if len(data) >= 32:
        lanes = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed, (seed - p1) & mask]
        for at in range(0, len(data) - 31, 32):
            words = [int.from_bytes(data[at + 8 * lane : at + 8 * lane + 8], "little") for lane in range(4)]
            lanes = [mixed(lane, word) for lane, word in zip(lanes, words, strict=True)]
        hashed = sum(rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & mask
        for lane in lanes:
            hashed = ((hashed ^ mixed(0, lane)) * p1 + p4) & mask
    hashed = (hashed + len(data)) & mask
    for at in range(begun, len(data) - 7, 8):
        hashed = (rotated(hashed ^ mixed(0, int.from_bytes(data[at : at + 8], "little")), 27) * p1 + p4) & mask
    at = len(data) - len(data) % 8
    if len(data) - at >= 4:
        hashed = (rotated(hashed ^ (int.from_bytes(data[at : at + 4], "little") * p1 & mask), 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        hashed = rotated(hashed ^ (byte * p5 & mask), 11) * p1 & mask
    hashed = (hashed ^ (hashed >> 33)) * p2 & mask
    hashed = (hashed ^ (hashed >> 29)) * p3 & mask
    return hashed ^ (hashed >> 32)


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=20), st.integers(0, 2**63 - 1))
def test_hashes_equal_plain_python_at_every_length(keys, seed):
    found = indexer.key_ids(keys, indexer.KeySpec(type="binary", seed=seed), threads=2)
    assert found.view(np.uint64).tolist() == [plain_xxh64(key, seed) for key in keys]


@pytest.mark.parametrize(
    "held",
    [
        ["b", "a", "ü\0"],
        np.array(["b", "a", "ü"]),
        np.array(["b", "a", "ü"], object),
        pa.array(["b", "a", "ü"], pa.large_string()),
        pa.array(["x", "b", "a", "ü"]).slice(1),
        pa.chunked_array([["b"], ["a", "ü"]]),
        pa.array(["b", "a", "ü"]).dictionary_encode(),
        pa.array(["b", "a", "ü"], pa.string_view()),
        [b"b", b"a", b"\xff"],
        pa.array([b"bb", b"aa", b"\xff\xff"], pa.binary(2)),
    ],
    ids=lambda held: str(getattr(held, "type", type(held).__name__)),
)
def test_keys_come_out_as_they_went_in_whatever_holds_them(tmp_path, held):
    index = built(tmp_path, held)
    wanted = held.to_pylist() if isinstance(held, pa.Array | pa.ChunkedArray) else list(held)
    found = index.knn_search(codes_of(3), 3)
    assert sorted(index.keys(found.ids[:3]).to_pylist()) == sorted(wanted)
    assert index.keys(np.array([12345], np.int64)).to_pylist() == [None]
    assert index.contains(held).all() and not index.contains([wanted[0] + wanted[0][:1] * 9]).any()
    assert np.array_equal(index.codes(held), codes_of(3))


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (pa.array(["a", None, "b"]), "1 keys are null"),
        (["a", "b", "a"], "the key 'a' is there more than once"),
        (["a", b"b", "c"], "of several types; give texts alone, or bytes alone"),
        (["a", "b" * 65_537, "c"], r"the key 'b+'… has 65,537 bytes; use at most 65,536"),
        (pa.array([1.5, 2.0, 3.0]), "are double; give whole numbers, texts or bytes"),
        (["a", "b"], "2 ids|shape"),
        (["a", "\ud800", "c"], r"the key '\\ud800' is no Unicode text; give it as bytes"),
        (pa.array([b"a", b"\xff", b"c"]).view(pa.string()), "a key is no UTF-8; give keys as bytes"),
        (["a", 1, "c"], "of several types; give texts alone, or bytes alone"),
        ([1, "b", "c"], "need whole numbers"),
    ],
)
def test_what_are_no_keys_is_refused_in_one_line_and_nothing_is_left(tmp_path, held, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        indexer.build(str(tmp_path / "index"), held, codes_of(3), code_length=LENGTH)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "index" / "CURRENT").exists()


def test_a_key_of_the_longest_length_is_a_key(tmp_path):
    index = built(tmp_path, ["", "x" * 65_536])
    assert index.contains(["", "x" * 65_536]).all()


def test_keys_are_verified_in_blocks_of_some_bytes_and_none_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(key_arrays, "BYTES_AT_ONCE", 100)
    keys = ["", "x" * 99, "y" * 101, *(f"{'z' * (number * 7 % 60)}{number}" for number in range(300)), "w" * 500]
    built(tmp_path, keys, rows_per_shard=400).verify()
    lengths = np.diff(key_arrays.offsets_of(np.array([0, 100, 1, 0, 300, 5, 95, 1])))
    blocks = list(key_arrays._blocks(key_arrays.offsets_of(lengths).astype(np.uint32)))
    assert [rows.tolist() for rows in blocks] == [[0, 1], [2, 3], [4], [5, 6], [7]]


KEYS = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=30, unique=True)


@settings(max_examples=60, deadline=None)
@given(KEYS, st.data())
def test_every_change_and_answer_equals_a_dictionary(tmp_path_factory, keys, data):
    root = tmp_path_factory.mktemp("index")
    held = {}

    def drawn(some, seed):
        return dict(zip(some, map(bytes, codes_of(len(some), seed)), strict=True))

    first = keys[: data.draw(st.integers(1, len(keys)))]
    held |= drawn(first, 1)
    index = built(root, first, seed=1, rows_per_shard=data.draw(st.integers(1, 9)))
    for step in range(data.draw(st.integers(0, 3))):
        what = data.draw(st.sampled_from(["append", "delete", "compact"]))
        if what == "append":
            new = [key for key in keys if key not in held][: data.draw(st.integers(0, 9))]
            if new:
                index.append(new, codes_of(len(new), step + 2))
                held |= drawn(new, step + 2)
        elif what == "delete":
            gone = data.draw(st.lists(st.sampled_from(keys), unique=True))
            index.delete(pa.array(gone, pa.string()))
            held = {key: code for key, code in held.items() if key not in gone}
        else:
            index.compact(data.draw(st.integers(1, 40)))
    assert len(index) == len(held)
    index.verify()
    assert index.contains(keys).tolist() == [key in held for key in keys]
    query = codes_of(2, 99)
    found = index.range_search(query, 6)
    for number in range(2):
        ids, distances = found.of(number)
        near = dict(zip(index.keys(ids).to_pylist(), distances.tolist(), strict=True))
        far = {key: sum(map(int.bit_count, (np.frombuffer(code, np.uint8) ^ query[number]).tolist()))
               for key, code in held.items()}  # fmt: skip
        assert near == {key: distance for key, distance in far.items() if distance <= 6}
        assert list(zip(distances, ids, strict=True)) == sorted(zip(distances, ids, strict=True))


def test_a_collision_takes_another_seed_at_the_build_and_is_refused_at_an_append(tmp_path, monkeypatch):
    few_bits(monkeypatch, 6)
    keys = [f"key {number}" for number in range(12)]
    index = built(tmp_path, keys)
    assert index.key_spec.seed > 0
    assert indexer.open(str(tmp_path)).contains(keys).all()
    index.verify()
    taken = set(indexer.key_ids(keys, index.key_spec).tolist())
    more = [f"more {number}" for number in range(2000)]
    clash = next(key for key in more if int(indexer.key_ids([key], index.key_spec)[0]) in taken)
    assert not index.contains([clash]).any()
    before = index.generation
    with pytest.raises(InvalidInputError, match=f"the key '{clash}' has the 64-bit hash of another one"):
        index.append([clash], codes_of(1))
    index.delete([clash])  # the item with the same hash is another one
    assert indexer.open(str(tmp_path)).generation == before and index.contains(keys).all()


def test_a_key_twice_is_named_among_others_of_one_hash_and_a_build_gives_up_in_one_line(tmp_path, monkeypatch):
    few_bits(monkeypatch, 1)
    with pytest.raises(InvalidInputError, match="the key 'a' is there more than once"):
        built(tmp_path, ["a", "b", "c", "a"])
    with pytest.raises(InvalidInputError, match="and another have one hash under each of 16 seeds") as caught:
        built(tmp_path, ["a", "b", "c", "d"])
    assert len(str(caught.value).splitlines()) == 1


def test_a_distributed_build_tells_a_key_twice_from_a_collision(tmp_path, monkeypatch):
    layout = indexer.plan_layout(codes_of(9), code_length=LENGTH, rows_per_shard=9)
    spec = indexer.KeySpec(type="string")

    def commit(*parts):
        entries = [
            indexer.build_shard(str(tmp_path), part, codes_of(len(part)), layout=layout, keys=spec) for part in parts
        ]
        return indexer.commit(str(tmp_path), entries, layout=layout, keys=spec)

    with pytest.raises(InvalidInputError, match="1 keys or more are in two shards, such as 'b'"):
        commit(["a", "b"], ["c", "b"])
    with pytest.raises(InvalidInputError, match="the key 'a' is there more than once"):
        commit(["a", "b", "a"])
    few_bits(monkeypatch, 1)
    with pytest.raises(InvalidInputError, match="has the 64-bit hash of another one"):
        commit(["a"], ["b"], ["c"])
    with pytest.raises(InvalidInputError, match=r"and another have one hash; build again with another KeySpec\.seed"):
        commit(["a", "b", "c"])


def test_numbers_and_keys_are_not_mixed(tmp_path):
    keyed, numbered = built(tmp_path / "keys", ["a", "b"]), built(tmp_path / "numbers", np.arange(2))
    for change in (
        lambda: keyed.append(np.arange(5, 7), codes_of(2)),
        lambda: keyed.append([b"c", b"d"], codes_of(2)),
        lambda: keyed.delete(np.array([3])),
        lambda: numbered.append(["c", "d"], codes_of(2)),
        lambda: numbered.delete(["c"]),
        lambda: numbered.contains(["c"]),
    ):
        with pytest.raises(InvalidInputError, match=r"but the|but those of"):
            change()
    assert numbered.keys(np.array([7, 3])).to_pylist() == [7, 3]


def test_where_an_item_was_deleted_is_known_as_far_as_generations_are_kept(tmp_path):
    index = built(tmp_path, ["a", "b", "c"])
    index.delete(["b"]).append(["d"], codes_of(1)).delete(["c", "d"]).append(["b"], codes_of(1))
    asked = ["a", "b", "c", "d", "e"]
    assert index.deleted_in(asked).tolist() == [0, 0, 4, 4, 0]
    assert indexer.open(str(tmp_path), 3).deleted_in(asked).tolist() == [0, 2, 0, 0, 0]
    index.vacuum()
    assert index.deleted_in(asked).tolist() == [0, 0, 0, 0, 0]


def test_names_of_labels_are_kept_by_every_change(tmp_path):
    index = built(tmp_path, ["a", "b"], labels=Labels.from_lists([[0], [1, 0]]), vocabulary=["cat", "dog"])
    index.append(["c"], codes_of(1), Labels.from_lists([[1]])).delete(["a"]).compact(100)
    found = indexer.open(str(tmp_path))
    assert found.manifest.vocabulary == ("cat", "dog")
    assert found.labels_of(["c", "b"]).values.tolist() == [1, 1, 0]


def test_an_index_of_numbers_has_no_word_of_keys(tmp_path):
    built(tmp_path / "numbers", np.arange(3))
    (manifest,) = (tmp_path / "numbers" / "manifests").iterdir()
    assert '"format_version": 2' in manifest.read_text()
    assert "keys" not in manifest.read_text() and "vocabulary" not in manifest.read_text()
    built(tmp_path / "keys", ["a", "b"])
    (manifest,) = (tmp_path / "keys" / "manifests").iterdir()
    assert '"format_version": 3' in manifest.read_text()


@pytest.fixture
def stored(tmp_path):
    """The arrays and facts of a shard with keys, and a function that opens others as a shard, unverified."""
    index = built(tmp_path / "good", [f"ключ {number}" for number in range(40)], rows_per_shard=40)
    file = ArrayFile(tmp_path / "good" / index.shards[0].name)
    facts = {name: value for name, value in file.facts.items() if name != "sha256"}

    def opened(arrays, more=(), version=2):
        path = tmp_path / "bad.safetensors"
        write_array_file(path, {**file.arrays, **arrays}, {**facts, **dict(more)}, version=version)
        return ShardContents(path)

    return file.arrays, opened


def test_a_shard_whose_keys_lie_is_named_and_leads_nowhere(stored, monkeypatch):
    arrays, opened = stored
    monkeypatch.setattr("indexer.shards.contents.VERIFIED_ON_OPEN_BYTES", -1)
    high, swapped = arrays["keys.offsets"].copy(), arrays["keys.rows"].copy()
    high[5] = 2**32 - 1
    swapped[[3, 4]] = swapped[[4, 3]]
    lies = {
        "keys.offsets": high,
        "keys.rows": swapped,
        "keys.bytes": np.where(np.arange(len(arrays["keys.bytes"])) == 7, 0xFF, arrays["keys.bytes"]).astype(np.uint8),
    }
    for name, lie in lies.items():
        contents = opened({name: lie})
        with pytest.raises(CorruptIndexError, match=r"keys\.|ids"):
            contents.verify()
        rows = np.arange(40, dtype=np.uint32)
        if name != "keys.rows":
            with pytest.raises(CorruptIndexError, match=r"array keys"):
                contents.keys_at(rows)
    before, overlapping = arrays["keys.offsets"].astype(np.int64), np.zeros(41, np.int64)
    before[5], overlapping[1::2] = -(2**40), len(arrays["keys.bytes"])
    for offsets in (before, overlapping):  # of 64 bits they may be below 0
        with pytest.raises(CorruptIndexError, match=r"array keys\.offsets"):
            opened({"keys.offsets": offsets}).keys_at(
                np.arange(0, 40, 2 if offsets is overlapping else 1, dtype=np.uint32)
            )
    far = opened({"keys.rows": np.full(40, 2**32 - 1, np.uint32)})
    assert len(far.find(np.array([5, -(2**62)]))[0]) == 0
    with pytest.raises(CorruptIndexError, match="rows below 40"):
        far.check()


def test_a_shard_with_keys_lacks_none_of_their_arrays(stored):
    arrays, opened = stored
    for name in ("keys.offsets", "keys.bytes", "keys.rows"):
        with pytest.raises(CorruptIndexError, match="expected"):
            opened({name: arrays[name][:-1]})
    for facts in ({"keys": {"type": "string", "seed": -1}}, {"keys": None}, {"keys": {"type": "text", "seed": 0}}):
        with pytest.raises(CorruptIndexError, match="expected keys as type and seed"):
            opened({}, facts)
    with pytest.raises(CorruptIndexError, match="expected an id_base of 0 with keys, got 7"):
        opened({}, {"id_base": 7})
    with pytest.raises(CorruptIndexError, match="got version 1"):
        opened({}, version=1)


def test_a_manifest_that_says_other_keys_than_its_shards_is_refused(tmp_path):
    index = built(tmp_path, ["a", "b"])
    other = index.manifest.model_copy(update={"keys": indexer.KeySpec(type="binary")})
    (tmp_path / "manifests" / "00000001.json").write_bytes(other.content())
    with pytest.raises(CorruptIndexError, match=r"the manifest says ids that are hashes of .*binary"):
        indexer.open(str(tmp_path)).knn_search(codes_of(1), 1)
