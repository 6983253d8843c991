"""S3 as Arrow's file system: what lies there as on a disk, by boto3's settings alone, and errors in one line."""

from __future__ import annotations

import os
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import dataset, fs
from refusing_server import refusing

import indexer
from hashcore.errors import ConfigError, InvalidInputError, StorageError
from hashcore.storage import files, s3_client
from hashcore.storage.s3_client import of_process
from jobs.corpora.formats.parquet import dataset as opened

TABLE = pa.table({"id": range(1000), "image": [bytes([row % 256]) * (row % 50) for row in range(1000)]})


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Give a function that sets AWS variables, with which clients are made anew."""

    def forget():
        s3_client._client.cache_clear()
        s3_client._session.cache_clear()

    def set_all(**values):
        for name in list(os.environ):
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        usual = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        for name, value in {**usual, **values}.items():
            monkeypatch.setenv(name, value)
        forget()

    yield set_all
    forget()


def test_objects_are_listed_read_and_removed_as_files_are(bucket, tmp_path):
    for root in (bucket, str(tmp_path)):
        files.make_folder(f"{root}/a/b")
        files.write_bytes(f"{root}/a/b/x", b"0123456789")
        files.write_bytes(f"{root}/a/y", b"y")
        files.write_bytes(f"{root}/ab", b"")
        assert files.listing(f"{root}/a") == [f"{root}/a/y"]
        assert files.listing(f"{root}/a", deep=True) == [f"{root}/a/b/x", f"{root}/a/y"]
        assert [(name, size) for name, size, _ in files.states(f"{root}/a")] == [("/b/x", 10), ("/y", 1)]
        assert [files.is_folder(f"{root}/{name}") for name in ("a", "a/b", "a/y", "ab", "c")] == [1, 1, 0, 0, 0]
        assert [files.exists(f"{root}/{name}") for name in ("a", "a/y", "ab", "b", "a/")] == [1, 1, 1, 0, 1]
        assert (files.read_bytes(f"{root}/a/b/x"), files.read_bytes(f"{root}/a/z")) == (b"0123456789", None)
        assert files.read_bytes(f"{root}/ab") == b""
        system, inner = files.located(f"{root}/a/b/x")
        with system.open_input_file(inner) as file:
            assert (file.size(), file.read(3), file.seek(-2, 2), file.read(), file.read_at(2, 4)) == (
                10,
                b"012",
                8,
                b"89",
                b"45",
            )
        files.remove(f"{root}/a/y")
        assert files.listing(f"{root}/a", deep=True) == [f"{root}/a/b/x"]
        files.remove(f"{root}/a")
        assert (files.exists(f"{root}/a"), files.exists(f"{root}/ab")) == (False, True)


def test_a_folder_is_moved_into_a_bucket_whole(bucket, tmp_path):
    (tmp_path / "own" / "inner").mkdir(parents=True)
    (tmp_path / "own" / "inner" / "x").write_bytes(b"x" * (40 << 20))  # in parts
    files.move_in(str(tmp_path / "own"), f"{bucket}/moved")
    assert files.read_bytes(f"{bucket}/moved/inner/x") == b"x" * (40 << 20)
    assert not (tmp_path / "own").exists()


def test_a_dataset_in_a_bucket_is_what_it_is_on_a_disk(bucket, tmp_path):
    for root in (bucket, str(tmp_path)):
        system, inner = files.located(root)
        for number, start in enumerate(range(0, 1000, 400)):
            part = f"{inner}/corpus/label={number}"
            system.create_dir(part)
            pq.write_table(TABLE.slice(start, 400), f"{part}/0.parquet", filesystem=system, row_group_size=64)
    read = []
    for root in (bucket, str(tmp_path)):
        system, inner = files.located(f"{root}/corpus")
        system = pickle.loads(pickle.dumps(system))
        held = dataset.dataset(inner, format="parquet", filesystem=system, partitioning="hive").to_table()
        read.append(held.sort_by("id"))
    assert read[0].equals(read[1])
    assert read[0].select(["id", "image"]).equals(TABLE)


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(bucket):
    files.write_bytes(f"{bucket}/x", b"a" * 100)
    system, inner = files.located(f"{bucket}/x")
    with system.open_input_file(inner) as file:
        assert file.read(10) == b"a" * 10
        files.write_bytes(f"{bucket}/x", b"b" * 100)
        with pytest.raises(StorageError, match=r"/x: .*PreconditionFailed"):
            file.read(10)


def test_what_is_written_and_dropped_before_its_end_is_no_object(bucket):
    system, inner = files.located(f"{bucket}/x")
    system.open_output_stream(inner).write(b"half")
    assert not files.exists(f"{bucket}/x")


def test_a_missing_object_is_no_storage_error(bucket):
    system, inner = files.located(f"{bucket}/x")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        system.open_input_file(inner)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        system.get_file_info(fs.FileSelector(inner))


@pytest.mark.parametrize(
    ("values", "text", "endpoint"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "", "http://127.0.0.1:1"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://x:2"}, "", "http://x:2"),
        (
            {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-east-2"},
            "",
            "https://s3-fips.us-east-2.amazonaws",
        ),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "", "https://s3.dualstack.eu-west-1.amazonaws"),
        ({"AWS_PROFILE": "other"}, "[profile other]\nendpoint_url = http://y:3\n", "http://y:3"),
        (
            {"AWS_PROFILE": "other"},
            "[profile other]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://z:4\n",
            "http://z:4",
        ),
    ],
)
def test_the_settings_that_lead_an_index_to_its_storage_lead_a_corpus_there(settings, tmp_path, values, text, endpoint):
    (tmp_path / "config").write_text(text)
    settings(**values)
    store = indexer.open_store("s3://bucket/index")
    assert store.client.meta.endpoint_url.startswith(endpoint)
    assert of_process().meta.endpoint_url == store.client.meta.endpoint_url
    assert files.located("s3://bucket/corpus")[0].type_name == "py::s3+boto3"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (301, "PermanentRedirect"),
        (503, "SlowDown"),
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
    ],
)
def test_a_refusal_is_one_line_for_a_corpus_as_for_an_index(settings, status, code):
    with refusing(status, code) as endpoint:
        settings(AWS_ENDPOINT_URL=endpoint)
        for reads in (
            lambda: indexer.open("s3://bucket/x"),
            lambda: opened("s3://bucket/x"),
            lambda: files.exists("s3://bucket/x"),
            lambda: files.read_bytes("s3://bucket/x"),
            lambda: files.listing("s3://bucket/x"),
            lambda: files.write_bytes("s3://bucket/x", b"x"),
            lambda: files.remove("s3://bucket/x"),
        ):
            with pytest.raises(StorageError, match=rf"s3://bucket/x.*\b({status}|{code})\b.*run again") as caught:
                reads()
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"AWS_MAX_ATTEMPTS": "many"},
        {"AWS_RETRY_MODE": "hasty"},
        {"AWS_PROFILE": "nobody"},
        {"AWS_ENDPOINT_URL": "somewhere"},
        {"AWS_DEFAULT_REGION": "no region"},
    ],
)
def test_settings_that_are_none_are_one_line(settings, values):
    settings(**values)
    for reads in (indexer.open, files.exists):
        with pytest.raises(ConfigError, match=r"the AWS settings make no client of S3 \(.*\); correct"):
            reads("s3://bucket/x")


def test_missing_credentials_are_one_line(settings):
    settings(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    for reads in (indexer.open, files.exists):
        with pytest.raises(StorageError, match=r"Unable to locate credentials"):
            reads("s3://bucket/x")


def test_a_bucket_that_is_not_there_is_named(s3_settings):
    for reads in (indexer.open, files.exists):
        with pytest.raises((StorageError, InvalidInputError), match=r"s3://no-such-bucket"):
            reads("s3://no-such-bucket/x")
