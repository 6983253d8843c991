"""One reader of a corpus: what training sees is what encoding sees, or both refuse it in the same line."""

from __future__ import annotations

import os
import re
import shutil
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import training_corpus
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from refusing_server import refusing

from hashcore.errors import HashcoreError, InvalidInputError, StorageError
from hashcore.storage import s3_client
from jobs.corpora import parquet, verdict
from jobs.corpora.encode_task import Counts
from jobs.corpora.ids import read_ids
from jobs.corpora.reader import Columns
from jobs.corpora.source import steps
from jobs.page.thumbnails import thumbnails
from jobs.stages import codes_directory, records
from jobs.stages.distinct import Distinct
from jobs.stages.rejects import Rejects
from jobs.training import reading
from jobs.training.source import find, read_judgements

FEATURES = [[float(row), 1.0] for row in range(6)]
IDS = [40, 10, 30, 20, 60, 50]


def table(ids=IDS, labels=(1, 2, 1, 2, 1, 2), features=FEATURES):
    held = {"id": ids, "features": features, "labels": labels}
    return pa.table({name: values for name, values in held.items() if values is not None})


def pipeline(root, **corpus):
    return training_corpus.pipeline(root, corpus=corpus)


def write(root, *tables, name="{}.parquet", **options):
    folder = root / "corpus" / "train"
    shutil.rmtree(folder, ignore_errors=True)
    for number, each in enumerate(tables):
        path = folder / name.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(each, path, **options)
    return folder


def trained(given):
    """Return (id, labels) of each row as training has them, or what it says."""
    try:
        held = reading.read(find(given), given.train)
    except HashcoreError as error:
        return str(error)
    return sorted(zip(held.column("id").to_pylist(), held.column("labels").to_pylist(), strict=True))


def encoded(given):
    """Return (id, labels) of each row as encoding has them, or what it says; as its tasks read them."""
    columns = Columns(
        given.paths.corpus_train, given.corpus.id, {"item": "features"}, given.corpus.labels, given.corpus.labels_as
    )
    try:
        (step,) = steps(LOCAL, columns, "parquet", files_per_step=100, batch_rows=4096)
        batches = [batch for share in step.shares for batch in parquet.batches(step, share)]
        nulls = sum(batch.column("id").null_count for batch in batches)
        verdict.judge_encoded(Counts(1, nulls, Rejects(), Distinct()), columns.source, given.corpus.id, None)
    except HashcoreError as error:
        return str(error)
    pairs = [zip(batch.column("id").to_pylist(), batch.column("labels").to_pylist(), strict=True) for batch in batches]
    return sorted(row for pair in pairs for row in pair)


LOCAL = SimpleNamespace(slots=lambda: 2)  # all that dividing a corpus asks of an engine


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("one")


NUMBERS = [pa.int8(), pa.uint8(), pa.int32(), pa.int64(), pa.uint64(), pa.dictionary(pa.int8(), pa.int64())]
KINDS = [*NUMBERS, pa.string(), pa.float64(), pa.bool_(), pa.date32(), pa.decimal128(5, 0), pa.null()]
LABELS = [*KINDS, pa.list_(pa.int64()), pa.large_list(pa.uint64()), pa.list_(pa.string()), pa.list_(pa.null())]


def array(kind, fitting):
    """Return six values of a type, the fitting numbers where it can hold them."""
    if pa.types.is_null(kind) or (pa.types.is_nested(kind) and pa.types.is_null(kind.value_type)):
        return pa.nulls(6, kind)
    if pa.types.is_nested(kind):
        return pa.array([[str(each)] if pa.types.is_string(kind.value_type) else [each] for each in fitting], kind)
    if pa.types.is_dictionary(kind):
        return pa.array(fitting, pa.int64()).dictionary_encode()
    text = {pa.string(): str, pa.bool_(): bool}.get(kind, lambda each: each)
    return pa.array([text(each) for each in fitting], kind)


@given(st.sampled_from(KINDS), st.sampled_from(LABELS), st.sampled_from(KINDS), st.sampled_from(LABELS))
def test_ids_and_labels_of_any_types_are_the_same_to_both_or_refused_by_both_in_one_line(
    root, ids, labels, other_ids, other_labels
):
    more = [row + 60 for row in IDS]
    write(
        root,
        table(array(ids, IDS), array(labels, [1, 2] * 3)),
        table(array(other_ids, more), array(other_labels, [3, 4] * 3)),
    )
    found, also = trained(pipeline(root)), encoded(pipeline(root))
    if isinstance(found, str) and "are null" in found:  # encoding counts the nulls of all files, training of one
        found, also = (re.sub(r"\d+ ids", "some ids", each) for each in (found, also))
    assert found == also
    assert isinstance(found, list) == all(kind in NUMBERS for kind in (ids, other_ids)) & all(
        kind in NUMBERS or pa.types.is_null(kind) or (pa.types.is_nested(kind) and kind != pa.list_(pa.string()))
        for kind in (labels, other_labels)
    )
    if isinstance(found, list):
        assert [row for row, _ in found] == sorted([*IDS, *more])
    else:
        assert "\n" not in found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ids": [str(each) for each in IDS]}, "ids in id are string; number the items"),
        ({"ids": pa.array([2**63, 1, 2, 3, 4, 5], pa.uint64())}, "ids in id go beyond int64, to 9223372036854775808"),
        ({"ids": [1, None, 3, 4, None, 6]}, "2 ids in id are null; give every row one"),
        ({"labels": [2**31, 1, 2, 3, 4, 5]}, "labels in labels span 1..2147483648 but must fit int32"),
        ({"labels": [[1, None]] * 6}, "labels in labels: .* labels are null; drop them"),
        ({"labels": [[0, 0, 1]] * 6}, "labels in labels are lists of 3 values, all 0 and 1: .*corpus.labels_as=hot"),
        ({"labels": None}, r"has no column labels \(corpus\.labels\); it has id, features; use --set"),
    ],
)
def test_what_is_wrong_is_said_in_the_same_line_by_both(tmp_path, changed, message):
    write(tmp_path, table(**changed))
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    assert re.search(message, found)


@pytest.mark.parametrize("first", [0, 1])
def test_a_file_without_labels_beside_one_that_has_them_is_refused_whichever_comes_first(tmp_path, first):
    held = [table(), table(ids=[row + 60 for row in IDS], labels=None)]
    write(tmp_path, held[first], held[1 - first])
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    assert f"{1 - first}.parquet, a file of" in found and "has no column labels (corpus.labels)" in found


def test_hot_labels_are_read_where_they_are_said_to_be(tmp_path):
    write(tmp_path, table(labels=[[0, 1, 0], [1, 0, 1]] * 3))
    found = trained(pipeline(tmp_path, labels_as="hot"))
    assert found == encoded(pipeline(tmp_path, labels_as="hot"))
    assert found[:2] == [(10, [0, 2]), (20, [0, 2])] and found[-1] == (60, [1])


def test_labels_that_are_the_names_of_folders_are_read_by_both(tmp_path):
    write(tmp_path, table(labels=None), table([1, 2, 3, 4, 5, 6], labels=None), name="class={}/part.parquet")
    found = trained(pipeline(tmp_path, labels="class"))
    assert found == encoded(pipeline(tmp_path, labels="class"))
    assert found == sorted([(row, [0]) for row in IDS] + [(row, [1]) for row in range(1, 7)])


def test_rows_below_a_folder_without_a_class_have_no_label(tmp_path):
    folder = write(tmp_path, table(labels=None), table([7, 8, 9, 1, 2, 3], labels=None), name="class={}/part.parquet")
    os.rename(folder / "class=1", folder / "class=__HIVE_DEFAULT_PARTITION__")
    found = trained(pipeline(tmp_path, labels="class"))
    assert found == encoded(pipeline(tmp_path, labels="class"))
    assert found == sorted([*((row, [0]) for row in IDS), *((row, []) for row in (7, 8, 9, 1, 2, 3))])


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("labels={}/x.parquet", pa.array([1, 2] * 3, pa.int32()), "has two columns labels (corpus.labels)"),
        ("labels={}/x.parquet", pa.array([1, 2] * 3), "Field labels has incompatible types"),
        ("labels=a{}/x.parquet", None, "labels in labels are string; number the classes"),
    ],
)
def test_names_of_folders_that_are_no_labels_are_refused_by_both(tmp_path, name, labels, said):
    write(tmp_path, table(labels=labels), name=name)
    given = pipeline(tmp_path)
    found = trained(given)
    assert found == encoded(given)
    assert said in found


def test_a_page_whose_checksum_is_wrong_is_read_by_nobody(tmp_path):
    folder = write(tmp_path, table(), write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray((folder / "0.parquet").read_bytes())
    place = content.index(np.array(IDS, np.int64).tobytes())
    content[place] ^= 1  # an id of 41 in place of 40
    (folder / "0.parquet").write_bytes(content)
    assert pq.read_table(folder).column("id")[0].as_py() == 41
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    assert "cannot be read as parquet" in found and "CRC" in found
    with pytest.raises(InvalidInputError, match="CRC"):
        read_ids(str(folder), "id")


def test_codes_are_written_with_checksums_that_reading_compares(tmp_path):
    (tmp_path / codes_directory.DATA).mkdir()
    path = tmp_path / codes_directory.DATA / "0.parquet"
    held = pa.table({"id": IDS, "code": [bytes([row]) for row in IDS]})
    pq.write_table(held, path, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[content.index(np.array(IDS, np.int64).tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"0\.parquet is no Parquet file, or damaged .*CRC"):
        codes_directory.read_chunk((codes_directory.Piece(str(path), 0, 6),), 8)


def test_codes_of_which_some_files_have_labels_are_refused(tmp_path):
    (tmp_path / codes_directory.DATA).mkdir()
    held = pa.table({"id": [1], "code": [b"a"]})
    pq.write_table(held, tmp_path / codes_directory.DATA / "0.parquet")
    pq.write_table(held.append_column("labels", [[[1]]]), tmp_path / codes_directory.DATA / "1.parquet")
    with pytest.raises(InvalidInputError, match=r"0\.parquet lacks the column labels, which .*1\.parquet has"):
        codes_directory.plan(str(tmp_path), 10)


def make_dangling(folder):
    (folder / "1.parquet").symlink_to("nowhere.parquet")


def make_loop(folder):
    (folder / "again").symlink_to(folder)


def make_pipe(folder):
    os.mkfifo(folder / "1.parquet")


def make_odd_name(folder):
    with open(os.fsencode(folder) + b"/\xff.parquet", "wb") as file:
        file.write((folder / "0.parquet").read_bytes())


def make_odd_folder(folder):
    os.mkdir(os.fsencode(folder) + b"/\xff")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_dangling, r"1\.parquet is a link to nothing \(nowhere\.parquet\)"),
        (make_loop, r"again is a link to a folder above it"),
        (make_pipe, r"1\.parquet is neither a file nor a folder"),
        (make_odd_name, r"\\xff\.parquet has a name that is no UTF-8"),
        (make_odd_folder, r"\\xff has a name that is no UTF-8"),
    ],
)
def test_what_readers_would_pass_over_is_said_by_all(tmp_path, make, message):
    folder = write(tmp_path, table())
    make(folder)
    given = pipeline(tmp_path)
    found = trained(given)
    assert found == encoded(given)
    for reads in (
        lambda: records.fingerprint_of(str(folder)),
        lambda: read_ids(str(folder), "id"),
        lambda: find(given),
    ):
        with pytest.raises(InvalidInputError, match=message) as caught:
            reads()
        assert "\n" not in str(caught.value)


def test_links_to_files_and_hidden_names_are_as_before(tmp_path):
    folder = write(tmp_path, table())
    os.rename(folder / "0.parquet", tmp_path / "elsewhere.parquet")
    (folder / "0.parquet").symlink_to(tmp_path / "elsewhere.parquet")
    (folder / "_hidden").symlink_to("nowhere")
    assert len(trained(pipeline(tmp_path))) == len(encoded(pipeline(tmp_path))) == 6


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (301, "PermanentRedirect"), (503, "SlowDown"), (400, "ExpiredToken")],
)
def test_a_storage_that_refuses_is_one_line_to_both(monkeypatch, status, code):
    with refusing(status, code) as endpoint:
        for name, value in (("AWS_ENDPOINT_URL", endpoint), ("AWS_MAX_ATTEMPTS", "1"), ("AWS_ACCESS_KEY_ID", "test")):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        s3_client._client.cache_clear()
        try:
            given = pipeline("s3://bucket/a")
            found = trained(given)
            assert found == encoded(given)
            assert found.startswith("s3://bucket/a/corpus/train: ") and "\n" not in found and "run again" in found
            for reads in (lambda: read_ids("s3://bucket/x", "id"), lambda: read_judgements("s3://bucket/x")):
                with pytest.raises(StorageError, match=rf"s3://bucket/x: .*({status}|{code})"):
                    reads()
        finally:
            s3_client._client.cache_clear()


@pytest.mark.parametrize("values", [["1", "2"], [1.0, 2.0], [True, False], [2**63, 1], [1, None]])
def test_lists_of_ids_are_read_as_the_ids_of_a_corpus_are(tmp_path, values):
    kind = pa.uint64() if 2**63 in values else None
    pq.write_table(pa.table({"id": pa.array(values, kind)}), tmp_path / "gone.parquet")
    with pytest.raises(InvalidInputError, match=r"gone\.parquet: no whole numbers in column id \(.*ids in id"):
        read_ids(str(tmp_path / "gone.parquet"), "id")
    pq.write_table(pa.table({"id": pa.array([7, 3, 7], pa.uint8())}), tmp_path / "good.parquet")
    assert read_ids(str(tmp_path / "good.parquet"), "id").tolist() == [3, 7]


def png(seed, mode="L", size=(4, 3)):
    buffer = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, format="PNG")
    return buffer.getvalue()


def images(root, pictures, **train):
    folder = root / "corpus" / "train"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    held = pa.table(
        {"id": range(len(pictures)), "image": pictures, "labels": [row % 2 for row in range(len(pictures))]}
    )
    pq.write_table(held, folder / "0.parquet", row_group_size=10)
    return training_corpus.pipeline(root, modality="image", **train)


def test_one_odd_image_does_not_decide_for_a_corpus(tmp_path):
    given = images(tmp_path, [png(0, "L", (9, 9)), *(png(row, "RGB") for row in range(40))])
    assert find(given).inputs["image"].shape == (3, 3, 4)
    given = images(tmp_path, [*(png(row) for row in range(40)), png(1, "RGB")])
    assert find(given).inputs["image"].shape == (3, 3, 4)  # colours lose nothing, grey would


def test_size_and_channels_can_be_said(tmp_path):
    given = images(tmp_path, [png(0, "L", (9, 9)), *(png(row, "RGB") for row in range(40))], size=[9, 9], channels=1)
    assert find(given).inputs["image"].shape == (1, 9, 9)
    given = images(tmp_path, [png(row, size=(row + 1, 5)) for row in range(20)])
    with pytest.raises(InvalidInputError, match=r"images are of 20 sizes: .*say train\.size=\[height, width\]"):
        find(given)
    given = images(tmp_path, [png(row, size=(row + 1, 5)) for row in range(20)], size=[5, 3])
    assert find(given).inputs["image"].shape == (1, 5, 3)


def test_images_of_hugging_face_are_read_by_all_readers(tmp_path):
    pictures = [{"bytes": png(row), "path": f"{row}.png"} for row in range(30)]
    given = images(tmp_path, [*pictures, {"bytes": None, "path": "gone.png"}], max_rejected_share=0.1)
    assert len(reading.read(find(given), given.train)) == 30
    assert set(thumbnails(given.paths.corpus_train, "id", "image", range(31), 8)) == set(range(30))


@pytest.mark.parametrize("modality", ["id", "labels"])
def test_a_modality_may_be_called_as_a_column_is(tmp_path, modality):
    write(tmp_path, table())
    given = training_corpus.pipeline(tmp_path, modality=modality, column="features")
    held = reading.read(find(given), given.train)
    assert sorted(held.column("id").to_pylist()) == sorted(IDS)
    assert sorted(reading.items(held, find(given), modality).tolist()) == sorted(FEATURES)
