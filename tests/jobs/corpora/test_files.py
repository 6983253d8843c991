"""Files that are damaged, odd or refused are said in one line by every reader of a corpus."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from both_readers import IDS, encoded, pipeline, table, trained, write
from refusing_server import refusing

from hashcore.errors import InvalidInputError, StorageError
from hashcore.storage import s3_client
from jobs.corpora.ids import read_ids
from jobs.stages import codes_directory, records
from jobs.training.source import find, read_judgements


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
