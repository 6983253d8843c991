"""What every store promises, as one suite that each kind of store inherits; and what only one of them can do wrong."""

from __future__ import annotations

import io
import multiprocessing
import threading
import time

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody

from hashcore.errors import HashcoreError, InvalidInputError, StorageError
from indexer.storage.cache import ShardCache
from indexer.storage.directory import DirectoryStore
from indexer.storage.opening import open_store
from indexer.storage.s3 import PART_BYTES, S3Store

A = "a" * 64


def together(function, count):
    """Call a function in several threads at once and return what they return."""
    gate, results = threading.Barrier(count), [None] * count

    def call(number):
        gate.wait()
        results[number] = function(number)

    crew = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return results


def read(store, key, check=lambda path: None):
    with store.local_file(key, check) as path:
        return path.read_bytes()


def add(store, key, content):
    path = store.new_file()
    path.write_bytes(content)
    store.add_file(path, key)
    assert not path.exists()


def put_in_child(store, key, results):
    results.put(store.put_new(key, b"child"))


class StoreConformance:
    """Inherited with a fixture `store`, an empty one."""

    def test_an_object_is_put_once(self, store):
        assert store.get("a/b") is None
        assert store.put_new("a/b", b"1")
        assert not store.put_new("a/b", b"2")
        assert store.get("a/b") == b"1"

    def test_putting_the_same_again_succeeds_as_after_a_lost_response(self, store):
        assert store.put_new("a/b", b"1")
        assert store.put_new("a/b", b"1")

    def test_a_swap_needs_the_expected_content(self, store):
        assert not store.swap("x", b"old", b"new")
        assert store.swap("x", None, b"new")
        assert not store.swap("x", None, b"newer")
        assert store.swap("x", b"new", b"newer")
        assert not store.swap("x", b"new", b"newest")
        assert store.get("x") == b"newer"

    def test_a_swap_repeated_after_a_lost_response_succeeds(self, store):
        assert store.swap("x", None, b"new")
        assert store.swap("x", None, b"new")

    def test_of_several_that_put_at_once_one_wins(self, store):
        won = together(lambda number: store.put_new("a/b", b"%d" % number), 8)
        assert won.count(True) == 1
        assert store.get("a/b") == b"%d" % won.index(True)

    def test_of_several_that_swap_at_once_one_wins(self, store):
        store.swap("x", None, b"0")
        won = together(lambda number: store.swap("x", b"0", b"by %d" % number), 8)
        assert won.count(True) == 1
        assert store.get("x") == b"by %d" % won.index(True)

    def test_its_swaps_can_be_relied_on(self, store):
        store.check_swaps()
        assert [entry.name for entry in store.entries("tmp")] in ([], ["tmp/lock"])

    def test_parts_of_an_object_are_read_by_themselves(self, store):
        store.put_new("a/b", b"0123456789")
        assert store.get_range("a/b", 2, 5) == b"234"
        assert store.get_range("a/b", 8, 99) == b"89"

    @pytest.mark.parametrize("size", [0, 10, PART_BYTES + 1])
    def test_a_file_is_added_whole_and_read_back(self, store, size):
        content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        add(store, "shards/one.safetensors", content)
        assert read(store, "shards/one.safetensors") == content
        add(store, "shards/one.safetensors", content)
        assert [(entry.name, entry.bytes) for entry in store.entries("shards")] == [("shards/one.safetensors", size)]

    def test_entries_are_those_of_one_folder_with_size_and_time(self, store):
        before = store.now_s()
        for key in ("a/2", "a/1", "b/1", "a/deep/3", "top"):
            store.put_new(key, b"12")
        assert [entry.name for entry in store.entries("a")] == ["a/1", "a/2"]
        assert [entry.name for entry in store.entries("")] == ["top"]
        assert store.entries("none") == []
        (entry,) = store.entries("b")
        assert entry.bytes == 2 and before - 2 <= entry.modified_s <= store.now_s() + 2

    def test_what_is_removed_is_gone_and_may_be_removed_again(self, store):
        store.put_new("a/b", b"1")
        for _ in range(2):
            store.remove("a/b")
        assert store.get("a/b") is None and store.entries("a") == []

    def test_a_store_works_in_a_forked_process(self, store):
        assert store.put_new("parent", b"1")
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        child = context.Process(target=put_in_child, args=(store, "child", results))
        child.start()
        assert results.get(timeout=30)
        child.join()
        assert store.get("child") == b"child"


class TestDirectoryStore(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return open_store(tmp_path / "deep" / "store")

    def test_temporary_files_that_a_killed_writer_left_are_removed_when_old(self, store):
        store.new_file().write_bytes(b"half")
        assert store.remove_unfinished(store.now_s() - 60) == 0
        assert store.remove_unfinished(store.now_s()) == 1
        assert [entry.name for entry in store.entries("tmp")] == ["tmp/lock"]


class TestS3Store(StoreConformance):
    @pytest.fixture
    def store(self, bucket, tmp_path):
        return S3Store(f"{bucket}/deep/prefix", ShardCache(tmp_path / "cache"))

    def test_uploads_that_a_killed_writer_left_are_aborted_when_old(self, store):
        for name in ("shards/mine.tar", "deep/videos/film.mp4", f"shards/{'0' * 64}.safetensors"):
            store.client.create_multipart_upload(Bucket=store.bucket, Key=store.prefix + name)
        assert store.remove_unfinished(0) == 0  # moto dates all uploads back to 2010
        assert store.remove_unfinished(store.now_s() + 1) == 1
        left = store.client.list_multipart_uploads(Bucket=store.bucket)["Uploads"]
        assert sorted(each["Key"].rpartition("/")[2] for each in left) == ["film.mp4", "mine.tar"]

    def test_an_answer_lost_after_success_is_recognised(self, store):
        lost = [1]
        original = store.client._endpoint.http_session.send

        def send(request):
            response = original(request)
            if lost and request.method in ("PUT", "POST") and response.status_code == 200:
                lost.pop()
                raise EndpointConnectionError(endpoint_url=request.url)
            return response

        store.client._endpoint.http_session.send = send
        assert store.put_new("a/b", b"1") and not lost
        lost.append(1)
        assert store.swap("x", None, b"1") and not lost
        lost.append(1)
        assert store.swap("x", b"1", b"2") and not lost
        lost.append(1)
        add(store, "shards/small.safetensors", b"small")
        assert not lost
        assert (store.get("a/b"), store.get("x"), read(store, "shards/small.safetensors")) == (b"1", b"2", b"small")

    def test_an_upload_whose_completion_was_lost_is_recognised(self, store):
        original, lost = store.client._endpoint.http_session.send, [1]

        def send(request):
            response = original(request)
            if lost and request.method == "POST" and "uploadId" in request.url and response.status_code == 200:
                lost.pop()
                raise EndpointConnectionError(endpoint_url=request.url)
            return response

        store.client._endpoint.http_session.send = send
        content = b"0123456789abcdef" * (PART_BYTES // 16 + 1)
        add(store, "shards/large.safetensors", content)
        assert not lost and read(store, "shards/large.safetensors") == content

    def test_a_body_that_breaks_off_is_read_again(self, store):
        store.put_new("a", b"0123456789")
        whole, broken = store.client.get_object, [1]

        def get_object(**request):
            answer = whole(**request)
            if broken:
                broken.pop()
                answer["Body"] = StreamingBody(io.BytesIO(b"0123"), 10)
            return answer

        store.client.get_object = get_object
        assert store.get("a") == b"0123456789" and not broken

    def test_a_storage_that_overwrites_what_it_should_leave_is_refused(self, store):
        unconditional = store.client.put_object
        store.client.put_object = lambda IfNoneMatch=None, IfMatch=None, **rest: unconditional(**rest)
        with pytest.raises(StorageError, match="ignores If-None-Match or If-Match"):
            store.check_swaps()

    @pytest.mark.parametrize("act", [lambda s: s.get("a"), lambda s: s.put_new("a", b""), lambda s: s.entries("a")])
    def test_a_bucket_that_is_not_there_is_said_in_one_line(self, store, act):
        missing = S3Store("s3://no-such-bucket-here/prefix", ShardCache("unused"))
        with pytest.raises(StorageError, match=r"^s3://no-such-bucket-here/prefix.*bucket") as caught:
            act(missing)
        assert "\n" not in str(caught.value)

    def test_a_storage_that_does_not_answer_is_said_in_one_line(self, s3_settings, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        with pytest.raises(StorageError, match=r"s3://b/p/a: Could not connect.*AWS_ENDPOINT_URL"):
            S3Store("s3://b/p", ShardCache("unused")).get("a")

    def test_a_client_is_made_once_in_a_process_and_anew_in_another(self, store):
        assert store.client is store.client
        store._clients = {0: "the parent's"}
        assert store.client != "the parent's"


@pytest.mark.parametrize(("uri", "message"), [("s3://", "names no bucket"), ("gs://b", "use one of them")])
def test_what_is_no_root_is_refused(uri, message):
    with pytest.raises(InvalidInputError, match=message):
        open_store(uri)


class TestShardCache:
    """Copies of 10 bytes in a cache of 25: two fit."""

    @pytest.fixture
    def cache(self, tmp_path):
        return ShardCache(tmp_path / "cache", 25)

    def fetch(self, cache, name, downloads=None):
        def download(path):
            if downloads is not None:
                downloads.append(name)
            path.write_bytes(name.encode()[:1] * 10)

        with cache.file(f"{name * 64}.safetensors", lambda: 10, download) as path:
            return path.read_bytes()

    def held(self, cache):
        return sorted(path.name[0] for path in cache.folder.glob("*.safetensors*"))

    def test_a_copy_is_downloaded_once(self, cache):
        downloads = []
        assert {self.fetch(cache, "a", downloads) for _ in range(3)} == {b"a" * 10}
        assert downloads == ["a"]

    def test_several_at_once_download_it_once(self, cache):
        downloads = []
        together(lambda _: self.fetch(cache, "a", downloads), 8)
        assert downloads == ["a"]

    def test_the_copy_used_least_recently_makes_room(self, cache):
        for name in ("a", "b", "a", "c"):
            self.fetch(cache, name)
            time.sleep(0.02)  # clocks of file systems are coarse
        assert self.held(cache) == ["a", "c"]

    def test_a_copy_that_is_removed_stays_readable_to_those_who_have_it(self, cache):
        with cache.file(f"{A}.safetensors", lambda: 10, lambda path: path.write_bytes(b"a" * 10)) as path:
            file = path.open("rb")
        with file:
            self.fetch(cache, "b")
            time.sleep(0.02)
            self.fetch(cache, "c")
            assert self.held(cache) == ["b", "c"] and file.read() == b"a" * 10

    def test_what_does_not_fit_is_refused_with_the_setting(self, cache):
        with (
            pytest.raises(HashcoreError, match=r"takes 26 bytes but.*may hold 25; set HASHCORE_CACHE_BYTES to 26"),
            cache.file(f"{A}.safetensors", lambda: 26, lambda path: None),
        ):
            pytest.fail("the block must not begin")

    def test_a_copy_that_fails_its_check_is_not_kept(self, cache):
        def download(path):
            path.write_bytes(b"bad")
            raise StorageError("bad")

        with pytest.raises(StorageError), cache.file(f"{A}.safetensors", lambda: 10, download):
            pytest.fail("the block must not begin")
        assert self.held(cache) == []

    def test_what_a_killed_download_left_is_removed(self, cache):
        self.fetch(cache, "a")
        (cache.folder / f"{'b' * 64}.safetensors.partial").write_bytes(b"half")
        self.fetch(cache, "c")
        assert self.held(cache) == ["a", "c"]

    def test_a_cache_that_cannot_be_written_names_its_setting(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(HashcoreError, match="set HASHCORE_CACHE to a directory"):
            self.fetch(ShardCache(tmp_path / "file" / "cache"), "a")

    def test_a_limit_that_is_no_number_is_refused(self, monkeypatch):
        monkeypatch.setenv("HASHCORE_CACHE_BYTES", "10 GB")
        with pytest.raises(InvalidInputError, match="whole number of bytes"):
            ShardCache.of_machine()


def test_a_directory_store_is_what_a_path_opens(tmp_path):
    assert isinstance(open_store(f"file://{tmp_path}"), DirectoryStore)
