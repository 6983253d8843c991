"""Files from somewhere else, whose digests are right: named when opened, when gone through, or when verified."""

import json
import shutil

import numpy as np
import pytest
from lying_shards import assert_refused, opened

import indexer
from indexer.generations.manifest import read_manifest
from indexer.search.plan import Costs
from indexer.shards import contents
from indexer.storage.array_file import MAX_HEADER_BYTES, write_array_file
from indexer.storage.opening import open_store
from indexer.structures.layout import Layout
from indexer.structures.tables import Substring

pytestmark = pytest.mark.usefixtures("large")
DERIVED = ("table", "block", "folds", "lists", "classes")


def changed(subject, **arrays):
    """Return a subject's arrays, some of them others; dots of names as underscores."""
    known = {name.replace(".", "_"): name for name in subject.arrays}
    return {**subject.arrays, **{known.get(name, name): array for name, array in arrays.items()}}


def with_value(array, place, value):
    other = array.copy()
    other.flat[place] = value
    return other


def test_an_array_that_no_layout_has_is_refused_when_opened(made, tmp_path):
    subject = made("with_tables")
    padded = {**subject.arrays, "zz": np.zeros(100, np.uint8)}
    assert_refused(lambda: opened(tmp_path, padded, subject.facts), "expected no array 'zz'")


@pytest.mark.parametrize("name", ["with_tables", "of_two_words", "with_lists", "with_signatures"])
def test_each_array_that_is_missing_or_too_short_is_named_when_opened(made, tmp_path, name):
    subject = made(name)
    assert len(subject.arrays) > 8
    for array in subject.arrays:
        lacking = {key: value for key, value in subject.arrays.items() if key != array}
        if array != "row_offsets" or len(subject.arrays["ids"]) > subject.arrays["codes"].shape[1]:
            assert_refused(lambda arrays=lacking: opened(tmp_path, arrays, subject.facts), r"expected|classes")
        if array not in ("label_values", "lists.bytes"):
            cut = {**subject.arrays, array: np.ascontiguousarray(subject.arrays[array][..., :-1])}
            assert_refused(lambda arrays=cut: opened(tmp_path, arrays, subject.facts), r"expected")


@pytest.mark.parametrize("facts", [{"rows": True}, {"rows": 2**32}, {"id_base": 2**63}, {"id_base": 0.5}, {"more": 1}])
def test_facts_that_are_no_facts_of_a_shard_are_refused(made, tmp_path, facts):
    subject = made("with_tables")
    assert_refused(lambda: opened(tmp_path, subject.arrays, {**subject.facts, **facts}), "expected")


def rewritten_header(folder, subject, change):
    """Write a shard whose header is changed, and open it."""
    path = folder / "shard"
    write_array_file(path, subject.arrays, subject.facts)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    text = change(json.loads(content[8 : 8 + length]))
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    return indexer.Shard(path)


def test_arrays_that_share_bytes_or_leave_gaps_are_refused(made, tmp_path):
    def shared(header):
        header["table2.words"]["data_offsets"] = header["table1.words"]["data_offsets"]
        return aligned(header)

    def exchanged_ends(header):
        header["table1.words"]["data_offsets"].reverse()
        return aligned(header)

    def aligned(header):
        text = json.dumps(header).encode()
        return text + b" " * (-len(text) % 8)

    assert rewritten_header(tmp_path, made("with_tables"), aligned).contents.rows == 600
    for change in (shared, exchanged_ends):
        assert_refused(lambda change=change: rewritten_header(tmp_path, made("with_tables"), change), "an array at")


def test_a_header_of_more_than_a_mebibyte_is_refused(made, tmp_path):
    def padded(header):
        return json.dumps(header).encode().ljust(MAX_HEADER_BYTES + 8)

    assert_refused(lambda: rewritten_header(tmp_path, made("with_tables"), padded), "expected a header within")


@pytest.mark.parametrize(("place", "value"), [(0, 1), (7, 2**32 - 1), (-1, 2**31), (20, 0)])
def test_row_offsets_that_lie_are_named_where_they_are_gone_through(made, tmp_path, place, value):
    subject = made("of_two_words")
    lying = changed(subject, row_offsets=with_value(subject.arrays["row_offsets"], place, value))
    shard = opened(tmp_path, lying, subject.facts)
    rows = np.arange(shard.contents.rows, dtype=np.uint32)
    for call in (
        shard.contents.codes,
        shard.contents.row_codes,
        lambda: shard.contents.codes_of(rows),
        shard.contents.verify,
    ):
        assert_refused(call, "array row_offsets: expected")
    assert_refused(lambda: shard.contents.distance_histograms(subject.queries), "array row_offsets: expected")
    deleted = np.array([3, 5], np.uint32)
    assert_refused(lambda: opened(tmp_path, lying, subject.facts, deleted=deleted), "array row_offsets: expected")


def test_label_offsets_that_lie_are_named_where_they_are_gone_through(made, tmp_path):
    subject = made("of_two_words")
    lying = changed(subject, label_offsets=with_value(subject.arrays["label_offsets"], 5, 2**40))
    shard = opened(tmp_path, lying, subject.facts)
    assert shard.contents.has_labels and shard.range_search(subject.queries, 3).offsets[-1]
    assert_refused(shard.contents.labels, "array label_offsets: expected")


def test_codes_with_more_bits_than_they_have_are_not_counted(made, tmp_path):
    subject = made("of_two_words")
    longer = changed(subject, codes=subject.arrays["codes"] | np.array([[0], [2**63]], np.uint64))
    shard = opened(tmp_path, longer, subject.facts)
    assert_refused(
        lambda: shard.contents.distance_histograms(subject.queries), "array codes: expected codes of 100 bits"
    )
    assert_refused(shard.contents.verify, "array codes: expected codes of 100 bits")


def test_tombstones_beyond_the_rows_of_a_shard_are_refused(made, tmp_path):
    subject = made("with_tables")
    deleted = np.array([3, 600], np.uint32)
    assert_refused(
        lambda: opened(tmp_path, subject.arrays, subject.facts, deleted=deleted), "expected tombstones of 600 rows"
    )


@pytest.mark.parametrize("name", ["with_tables", "of_two_words", "with_lists", "with_signatures"])
def test_verify_finds_every_value_that_is_not_what_the_codes_make_of_it(made, tmp_path, name):
    subject, dice = made(name), np.random.default_rng(3)
    opened(tmp_path, subject.arrays, subject.facts).contents.verify()
    derived = [array for array in subject.arrays if array.startswith(DERIVED)]
    assert len(derived) > 5
    for array in derived:
        values = subject.arrays[array]
        end = values.size - 7 if array == "folds.tags" else values.size
        for place in dice.integers(0, end, 8):
            lying = {**subject.arrays, array: with_value(values, place, values.flat[place] ^ values.dtype.type(1))}
            assert_refused(lambda arrays=lying: opened(tmp_path, arrays, subject.facts).contents.verify(), r"arr|class")
        rolled = np.roll(values, 1)
        if array not in ("folds.before", "folds.offsets", "classes.sizes", "classes.starts"):
            lying = {**subject.arrays, array: rolled}
            assert_refused(lambda arrays=lying: opened(tmp_path, arrays, subject.facts).contents.verify(), r"array")


def test_verify_finds_ids_that_do_not_rise_within_a_code_that_occur_twice_or_that_do_not_fit(made, tmp_path):
    subject = made("of_two_words")
    ids, offsets = subject.arrays["ids"], subject.arrays["row_offsets"]
    first = int(offsets[np.argmax(np.diff(offsets) > 1)])
    exchanged = ids.copy()
    exchanged[[first, first + 1]] = exchanged[[first + 1, first]]
    for arrays, facts, match in (
        (changed(subject, ids=exchanged), {}, "ids that rise within each code"),
        (changed(subject, ids=with_value(ids, 0, ids.max())), {}, "each id once|ids that rise"),
        (subject.arrays, {"id_base": 2**63 - 1}, "ids of 64 bits"),
    ):
        shard = opened(tmp_path, arrays, {**subject.facts, **facts})
        assert_refused(shard.contents.verify, f"array ids: expected .*({match})")


def test_verify_finds_sparse_codes_out_of_order(made, tmp_path):
    subject = made("with_lists")
    codes = subject.arrays["codes"].copy()
    codes[:, [10, 11]] = codes[:, [11, 10]]
    assert_refused(opened(tmp_path, changed(subject, codes=codes), subject.facts).contents.verify, "codes that rise")


def test_an_index_opened_to_verify_finds_tables_that_lie(made, tmp_path):
    subject = made("with_tables")
    root = tmp_path / "index"
    shutil.copytree(subject.root, root)
    words = subject.arrays["table1.words"]
    lying = changed(subject, table1_words=with_value(words, 5, words[5] ^ np.uint64(2)))
    digest = write_array_file(root / "new", lying, subject.facts)
    manifest = read_manifest(open_store(str(root)))
    entry = manifest.shards[0].model_copy(update={"digest": digest, "bytes": (root / "new").stat().st_size})
    (root / "new").rename(root / entry.name)
    content = manifest.model_copy(update={"shards": (entry, *manifest.shards[1:])}).content()
    (root / "manifests" / f"{manifest.generation:08d}.json").write_bytes(content)
    assert indexer.open(str(root)).range_search(subject.queries, 3).offsets[-1]
    for call in (indexer.open(str(root)).verify, lambda: indexer.open(str(root), verify=True).open_shard(0)):
        assert_refused(call, r"array table1\.words: expected the filter words")


def test_positions_that_lie_in_a_shard_above_64_mib_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.undo()
    cuts = Substring(word=0, shift=40, bits=24), Substring(word=0, shift=20, bits=20)
    layout = Layout(code_length=64, bit_order=tuple(range(64)), substrings=cuts, scan_below=0)
    code = np.random.default_rng(0).integers(0, 256, (5_000, 8), np.uint8)
    index = indexer.build(str(tmp_path / "index"), np.arange(5_000), code, code_length=64, layout=layout)
    shard = index.open_shard(0)
    assert shard.contents.file.size > contents.VERIFIED_ON_OPEN_BYTES
    facts = {name: value for name, value in shard.contents.file.facts.items() if name != "sha256"}
    lying = {**shard.contents.file.arrays, "table1.positions": np.full(5_000, 0xFFFFFFF0, np.uint32)}
    other = opened(tmp_path, lying, facts)
    other.searcher.costs = Costs(scan=1e9)
    asked = code[:200] ^ np.array([0, 0, 0, 0, 0, 0, 0, 3], np.uint8)
    assert len(other.range_search(asked, 1).ids) <= len(asked)
    assert_refused(other.contents.verify, r"array table1\.positions: expected positions below 5000")


def test_a_manifest_whose_list_of_what_was_appended_is_none_is_refused(made):
    manifest = read_manifest(open_store(str(made("plain").root)))
    root = made("plain").root
    path = root / "manifests" / f"{manifest.generation:08d}.json"
    good = path.read_bytes()
    try:
        for appended in (5, [{}], "text"):
            path.write_bytes(manifest.model_copy(update={"provenance": {"appended": appended}}).content())
            assert_refused(lambda: indexer.open(str(root)), "provenance.appended is not a list of texts")
    finally:
        path.write_bytes(good)
