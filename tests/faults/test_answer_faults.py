"""Answers of a storage that say success and are wrong: cut, of a false length, of other bytes, empty."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import traceback

import fault_proxy
import numpy as np
import pytest
import small_index
from fault_proxy import BODIES
from small_index import CHANGES, commit_until_done, content

import indexer
from hashcore.errors import CorruptIndexError, StorageError
from hashcore.storage.s3_answers import SAME
from indexer.generations.manifest import read_current, read_manifest
from indexer.storage.cache import ShardCache
from indexer.storage.s3 import PART_BYTES, S3Store

CYCLE = ("append", "delete", "compact", "build")
UNCHECKED = {"AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
LARGE = np.random.default_rng(0).bytes(PART_BYTES + 1_000)
OTHERS = [name for name in BODIES if name not in {"short", "flipped"}]
MARKED = pytest.param(UNCHECKED, marks=pytest.mark.faults)
fork = multiprocessing.get_context("fork")


@pytest.fixture(params=[{}, MARKED], ids=["checksums", "none"])
def checksums(request, monkeypatch):
    """Whether the storage is asked for checksums, as boto3 does since 1.36."""
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["short", "flipped", *(pytest.param(n, marks=pytest.mark.faults) for n in OTHERS)])
def falsified(request, bucket, checksums, monkeypatch):
    """Return a function that gives the bucket behind a proxy that falsifies the next answers."""
    endpoint, running = os.environ["AWS_ENDPOINT_URL"], []

    def start(most=1):
        proxy = fault_proxy.running(endpoint, [request.param], 1.0, most=most)
        running.append(proxy)
        fault_proxy.through(proxy.__enter__(), monkeypatch)
        return bucket

    yield start
    for proxy in running:
        proxy.__exit__(None, None, None)


def test_a_body_that_is_wrong_twice_is_read_until_it_is_right(falsified, bucket):
    S3Store(bucket).put_new("a", b"0123456789" * 100)
    assert S3Store(falsified(2)).get("a") == b"0123456789" * 100


def test_a_current_or_manifest_that_is_wrong_is_read_again(falsified, bucket):
    small_index.start(bucket)
    expected = read_manifest(S3Store(bucket)), read_current(S3Store(bucket))
    store = S3Store(falsified())
    assert (read_manifest(store), read_current(store)) == expected


def test_a_listing_that_is_cut_empty_or_no_xml_is_asked_for_again(falsified, bucket):
    S3Store(bucket).put_new("a/b", b"1")
    name = f"shards/{'0' * 64}.safetensors"
    S3Store(bucket).client.create_multipart_upload(Bucket=bucket.removeprefix("s3://"), Key=name)
    assert [entry.name for entry in S3Store(falsified(2)).entries("a")] == ["a/b"]
    now = S3Store(bucket).now_s()
    assert S3Store(falsified(2)).now_s() >= now
    assert S3Store(falsified(2)).remove_unfinished(now + 1) == 1


@pytest.mark.parametrize("held", [b"small" * 100, LARGE], ids=["small", "large"])
def test_a_copy_that_is_wrong_is_downloaded_again(falsified, bucket, tmp_path, held):
    def check(path):
        if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(held).digest():
            raise CorruptIndexError(f"{path}: expected other bytes")

    first = S3Store(bucket)
    path = first.new_file()
    path.write_bytes(held)
    first.add_file(path, "shards/x.safetensors")
    store = S3Store(falsified(), ShardCache(tmp_path / "cache"))
    with store.local_file("shards/x.safetensors", check) as path:
        assert path.read_bytes() == held


def test_a_body_that_stays_wrong_says_so_and_nothing_of_credentials(bucket, monkeypatch):
    S3Store(bucket).put_new("a", b"0123456789")
    monkeypatch.setattr("hashcore.storage.s3_answers.LONGEST_PAUSE_S", 0.01)
    with fault_proxy.running(os.environ["AWS_ENDPOINT_URL"], ["flipped"], 1.0) as proxy:
        fault_proxy.through(proxy, monkeypatch)
        with pytest.raises(StorageError, match="answer does not match its checksum") as caught:
            S3Store(bucket).get("a")
    assert "credentials" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", ["cut", "short", "flipped"])
def test_a_listing_that_stays_wrong_says_so_in_one_line(bucket, monkeypatch, fault):
    with fault_proxy.running(os.environ["AWS_ENDPOINT_URL"], [fault], 1.0) as proxy:
        fault_proxy.through(proxy, monkeypatch)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(StorageError, match=r"breaks off or cannot be read|Internal Server Error") as caught:
            S3Store(bucket).entries("a")
    assert "credentials" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_body_without_checksum_is_believed_when_it_stays_the_same(bucket, monkeypatch):
    store, bodies = S3Store(bucket), [b"fals", b"true", b"fals", *[b"true"] * (SAME - 1)]
    store.put_new("a", b"true")
    monkeypatch.setattr("hashcore.storage.s3_answers.LONGEST_PAUSE_S", 0.01)
    whole = store.client.get_object

    def get_object(**request):
        answer = {**whole(**request), "ETag": '"0-2"'}
        body = bodies.pop(0)
        return {**answer, "Body": type("Body", (), {"read": lambda self: body})()}

    monkeypatch.setattr(store.client, "get_object", get_object)
    assert store.get("a") == b"true" and not bodies


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What an index holds after each change of the cycle when nothing fails."""
    root, ends = str(tmp_path_factory.mktemp("undisturbed")), []
    small_index.start(root)
    for name in CYCLE:
        CHANGES[name](root)
        ends.append(content(indexer.open(root)))
    return ends


def cycle(bucket, number, undisturbed, failures):
    """Make an index and all changes to it, then append to one that others append to as well."""
    try:
        small_index.start(f"{bucket}/own-{number}")
        for name, expected in zip(CYCLE, undisturbed, strict=True):
            CHANGES[name](f"{bucket}/own-{number}")
            assert content(indexer.open(f"{bucket}/own-{number}")) == expected, name
        indexer.open(f"{bucket}/own-{number}").verify()
        small_index.has_no_orphans(f"{bucket}/own-{number}")
        commit_until_done(f"{bucket}/shared", number)
    except BaseException:
        failures.put(traceback.format_exc())


def cycles(bucket, undisturbed, processes):
    """Run cycles in several processes at once; return what failed."""
    failures = fork.SimpleQueue()
    crew = [fork.Process(target=cycle, args=(bucket, number, undisturbed, failures)) for number in range(processes)]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
    return [failures.get() for _ in range(0 if failures.empty() else processes) if not failures.empty()]


def run_cycles(bucket, undisturbed, monkeypatch, tmp_path, faults, processes=3):
    """Run cycles behind a proxy that falsifies a tenth of the bodies; assert that nothing failed, return the count."""
    monkeypatch.setenv("HASHCORE_CACHE", str(tmp_path / "cache"))
    before = len(small_index.start(f"{bucket}/shared"))
    with fault_proxy.running(os.environ["AWS_ENDPOINT_URL"], faults, 0.1) as proxy, monkeypatch.context() as patch:
        fault_proxy.through(proxy, patch)
        assert cycles(bucket, undisturbed, processes) == []
        met = sum(count for fault, count in proxy.met.items() if fault)
    shared = indexer.open(f"{bucket}/shared")
    assert len(content(shared)[0]) == len(shared) == before + 5 * processes
    return met


def test_a_tenth_of_the_bodies_falsified_changes_nothing(bucket, undisturbed, monkeypatch, tmp_path, record_property):
    met = run_cycles(bucket, undisturbed, monkeypatch, tmp_path, list(BODIES), processes=1)
    record_property("falsified", met)
    assert met > 5


@pytest.mark.faults
@pytest.mark.parametrize("faults", [*([fault] for fault in BODIES), list(BODIES)], ids=[*BODIES, "all"])
def test_a_tenth_of_the_bodies_falsified_in_each_way_changes_nothing(
    bucket, undisturbed, checksums, monkeypatch, tmp_path, record_property, faults
):
    for attempt in range(4):
        met = run_cycles(f"{bucket}/{attempt}", undisturbed, monkeypatch, tmp_path, faults)
        record_property("falsified", met)
        assert met > 10
