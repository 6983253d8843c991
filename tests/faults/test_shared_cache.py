"""A cache of copies that several processes use at once, and its limit."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import time
import traceback

import pytest
from copies import copies, fork, use_copies
from small_index import LENGTH, items_of

import indexer
from hashcore.storage.file_lock import locked
from indexer.generations.open_entry import open_entry
from indexer.storage.cache import ShardCache
from indexer.storage.s3 import S3Store

PROCESSES = 4


def at_once(work, *arguments):
    """Run a function in several processes at once; it gets its number; return what failed."""
    failures = fork.SimpleQueue()

    def run(number):
        try:
            work(number, *arguments)
        except BaseException:
            failures.put(traceback.format_exc(limit=-3))
            os._exit(1)

    crew = [fork.Process(target=run, args=(number,)) for number in range(PROCESSES)]
    for process in crew:
        process.start()
    said = []
    for process in crew:
        process.join(500)
        said += [] if failures.empty() else [failures.get()]
    return said + [f"ended with {process.exitcode}" for process in crew if process.exitcode]


@pytest.mark.parametrize(
    ("limit", "names", "count"),
    [
        (20_000, 60, 400),
        (1_500, 60, 100),
        (1 << 36, 2_000, 400),
        *(pytest.param(*given, marks=pytest.mark.faults) for given in ((20_000, 60, 25_000), (1 << 36, 2_000, 25_000))),
    ],
)
def test_no_use_of_a_cache_fails_that_four_processes_share(tmp_path, limit, names, count):
    assert at_once(use_copies, tmp_path / "cache", limit, names, count) == []
    held = list((tmp_path / "cache").glob("*.safetensors*"))
    assert sum(path.stat().st_size for path in held) <= limit + PROCESSES * 512
    assert not [path for path in held if path.name.endswith(".partial")]
    assert os.listdir(tmp_path / "cache" / "locks") == ["all"]


def add_ones(number, lock, total):
    """Add one to the number in a file, again and again, under a lock whose file each holder removes."""
    for _ in range(500):
        with locked(lock, fcntl.LOCK_EX):
            total.write_text(str(int(total.read_text()) + 1))


def test_a_lock_whose_file_is_removed_while_others_wait_for_it_is_held_by_one(tmp_path):
    (tmp_path / "total").write_text("0")
    assert at_once(add_ones, tmp_path / "locks" / "lock", tmp_path / "total") == []
    assert (tmp_path / "total").read_text() == str(PROCESSES * 500)


def open_shards(number, root, count):
    """Open shards of an index, drawn at random, and compare their ids with those they hold."""
    index, drawn = indexer.open(root), random.Random(number)
    for _ in range(count):
        place = drawn.randrange(len(index.shards))
        shard = open_entry(index.store, index.shards[place], index.manifest.layout)
        assert (shard.contents.ids.min(), shard.contents.ids.max()) == index.shards[place].ids


@pytest.fixture
def downloads(monkeypatch):
    """How many copies were downloaded, by all processes."""
    count, original = fork.Value("i", 0), S3Store._download

    def counted(*arguments):
        with count.get_lock():
            count.value += 1
        original(*arguments)

    monkeypatch.setattr(S3Store, "_download", counted)
    return count


@pytest.mark.parametrize("room", [0.4, None], ids=["small limit", "usual limit"])
@pytest.mark.parametrize("count", [60, pytest.param(5_000, marks=pytest.mark.faults)])
def test_no_opening_fails_where_four_processes_share_a_cold_cache(
    bucket, tmp_path, monkeypatch, downloads, record_property, room, count
):
    monkeypatch.setenv("HASHCORE_CACHE", str(tmp_path / "cache"))
    ids, packed, _ = items_of(1_200, 0, 0)
    index = indexer.build(f"{bucket}/index", ids, packed, code_length=LENGTH, rows_per_shard=30)
    if room:
        monkeypatch.setenv("HASHCORE_CACHE_BYTES", str(int(room * sum(entry.bytes for entry in index.shards))))
    assert at_once(open_shards, f"{bucket}/index", count) == []
    record_property("downloads", downloads.value)
    assert downloads.value > 2 * len(index.shards) if room else downloads.value == len(index.shards)


def test_a_limit_that_was_lowered_is_applied_when_the_cache_is_used_again(tmp_path):
    use_copies(0, tmp_path / "cache", 50_000, 20, 200)
    assert len(copies(tmp_path / "cache")) == 20
    last = copies(tmp_path / "cache")[7]
    os.utime(last, (2**31, 2**31))
    with ShardCache(tmp_path / "cache", 2_600).file(last.name, lambda: 0, lambda path: None):
        assert len(copies(tmp_path / "cache")) == 5


def test_locks_do_not_outlive_those_who_held_them(tmp_path):
    (tmp_path / "cache" / "locks").mkdir(parents=True)
    for number in range(200):
        (tmp_path / "cache" / "locks" / f"{number:064x}.safetensors").touch()
    use_copies(0, tmp_path / "cache", 50_000, 20, 40)
    assert os.listdir(tmp_path / "cache" / "locks") == ["all"]


def remove_all(folder):
    """Remove everything from a cache, again and again."""
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


def test_a_cache_that_somebody_removes_meanwhile_is_made_anew(tmp_path):
    remover = fork.Process(target=remove_all, args=(tmp_path / "cache",), daemon=True)
    remover.start()
    made, cache = [], ShardCache(tmp_path / "cache", 20_000)

    def download(path):
        path.write_bytes(b"x")
        made.append(path)

    try:
        for number in range(300):
            with cache.file(f"{number % 9:064x}.safetensors", lambda: 500, download):
                time.sleep(0.001)
    finally:
        remover.kill()
    assert len(made) > 9
