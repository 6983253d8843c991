"""A cache of copies that several processes use at once, that is damaged, that cannot be written."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import random
import shutil
import stat
import tempfile
import time
import traceback
from pathlib import Path

import pytest
from small_index import LENGTH, content, items_of, start

import indexer
from hashcore.errors import CorruptIndexError, OutputError
from hashcore.storage.file_lock import locked
from indexer.generations.open_entry import open_entry
from indexer.storage.cache import ShardCache
from indexer.storage.s3 import S3Store

PROCESSES = 4
NOBODY = 65_534
fork = multiprocessing.get_context("fork")


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


def use_copies(number, folder, limit, names, count):
    """Use copies of 512 bytes, drawn at random."""
    cache, drawn = ShardCache(folder, limit), random.Random(number)
    for _ in range(count):
        name = f"{drawn.randrange(names):064x}"
        held = name.encode() * 8
        with cache.file(f"{name}.safetensors", lambda: 512, lambda path, held=held: path.write_bytes(held)) as path:
            assert path.read_bytes() == held


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


def copies(folder):
    return sorted(folder.glob("*.safetensors"))


@pytest.fixture
def cached(bucket, tmp_path, monkeypatch):
    """An index in a bucket, and the folder of the copies of all its files."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HASHCORE_CACHE", str(folder))
    start(f"{bucket}/index")
    content(indexer.open(f"{bucket}/index"))
    assert len(copies(folder)) > 2
    return f"{bucket}/index", folder


def flip(path, place=-1):
    held = bytearray(path.read_bytes())
    held[place] ^= 1
    path.write_bytes(held)


@pytest.mark.parametrize("damage", [flip, lambda p: flip(p, 20), lambda p: os.truncate(p, 9), Path.unlink])
def test_a_damaged_copy_is_made_anew(cached, damage):
    root, folder = cached
    expected = content(indexer.open(root))
    for path in copies(folder):
        damage(path)
        assert content(indexer.open(root)) == expected
    indexer.open(root).verify()


@pytest.mark.parametrize("use", [lambda index: index.verify(), lambda index: index.open_shard(0)])
def test_a_damaged_copy_that_is_not_read_whole_is_made_anew_where_it_is_verified(cached, monkeypatch, use):
    root, folder = cached
    monkeypatch.setattr("indexer.shards.contents.VERIFIED_ON_OPEN_BYTES", 0)
    damaged = folder / f"{indexer.open(root).shards[0].digest}.safetensors"
    flip(damaged, -60)
    use(indexer.open(root, verify=True))
    index = indexer.open(root)
    index.open_shard(0).contents.verify()


@pytest.mark.parametrize("which", ["shards", "tombstones"])
def test_an_object_that_is_damaged_itself_is_named_by_its_uri(cached, which):
    root, folder = cached
    index = indexer.open(root)
    entry = next(entry for entry in index.shards if entry.tombstones)
    name = entry.name if which == "shards" else entry.tombstones_name
    body = index.store.get(name)
    index.store.remove(name)
    index.store.put_new(name, body[:-1] + bytes([body[-1] ^ 1]))
    (folder / Path(name).name).unlink()
    with pytest.raises(CorruptIndexError, match=f"^{root}/{name}: array .* expected") as caught:
        content(indexer.open(root))
    assert str(folder) not in str(caught.value)


def test_a_copy_and_an_object_that_are_both_damaged_are_named_by_the_uri(cached):
    root, folder = cached
    index = indexer.open(root)
    name = index.shards[0].name
    body = index.store.get(name)
    index.store.remove(name)
    index.store.put_new(name, body[:-1] + bytes([body[-1] ^ 1]))
    flip(folder / Path(name).name)
    with pytest.raises(CorruptIndexError, match=f"^{root}/{name}: array"):
        content(indexer.open(root))


def as_nobody(function, *arguments):
    """Call a function as a user who may write nothing here; return what it returned or raised."""
    said = fork.SimpleQueue()

    def run():
        if os.getuid() == 0:
            os.setuid(NOBODY)
        try:
            said.put(function(*arguments))
        except Exception as error:
            said.put(f"{type(error).__name__}: {error}")

    child = fork.Process(target=run)
    child.start()
    child.join(60)
    return said.get()


@pytest.fixture
def read_only(bucket, monkeypatch):
    """An index in a bucket, and the folder of its copies, which nobody else may write."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "cache")
        monkeypatch.setenv("HASHCORE_CACHE", str(folder))
        start(f"{bucket}/index")
        yield f"{bucket}/index", folder
        os.chmod(folder, 0o755)


def close(folder):
    """Take the right to write away: from the folder, its locks, its copies."""
    for path in (folder.parent, folder, *folder.rglob("*")):
        os.chmod(path, 0o555 if path.is_dir() else 0o444)


@pytest.mark.parametrize("locks", [True, False], ids=["with locks", "without"])
def test_a_warm_cache_that_cannot_be_written_is_read(read_only, monkeypatch, locks):
    root, folder = read_only
    expected = content(indexer.open(root))
    if not locks:
        shutil.rmtree(folder / "locks")
    close(folder)
    monkeypatch.setenv("HASHCORE_CACHE_BYTES", "1")  # nothing can be removed
    assert as_nobody(lambda: content(indexer.open(root))) == expected


def test_a_cold_cache_that_cannot_be_written_is_said_in_one_line(read_only):
    root, folder = read_only
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "locks").mkdir(parents=True)
    close(folder)
    said = as_nobody(lambda: content(indexer.open(root)))
    assert (
        said.startswith(f"OutputError: cannot write {folder}: Permission denied; set HASHCORE_CACHE")
        and "\n" not in said
    )


def test_a_damaged_copy_that_cannot_be_removed_is_said_in_one_line(read_only):
    root, folder = read_only
    content(indexer.open(root))
    for path in copies(folder):
        flip(path)
    close(folder)
    said = as_nobody(lambda: content(indexer.open(root)))
    assert "is damaged and cannot be removed" in said and "set HASHCORE_CACHE" in said and "\n" not in said


def test_a_file_system_without_locks_is_said_in_one_line(tmp_path, monkeypatch):
    def flock(handle, kind):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(
        OutputError, match=r"does not lock files .*set HASHCORE_CACHE to a directory on a disk"
    ) as caught:
        use_copies(0, tmp_path / "cache", 5_000, 2, 1)
    assert "\n" not in str(caught.value)


def test_files_of_others_in_the_folder_are_neither_counted_nor_removed(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine" * 1_000)
    names = [
        "model.safetensors",
        "a.safetensors.partial",
        f"{'A' * 64}.safetensors",
        f"{'a' * 63}.safetensors",
        "notes",
    ]
    for name in names:
        (folder / name).write_bytes(b"weights" * 1_000)
    link = folder / f"{'f' * 64}.safetensors"
    link.symlink_to(elsewhere)
    (folder / f"{'e' * 64}.safetensors").mkdir()
    use_copies(0, folder, 1_200, 8, 100)
    assert all((folder / name).read_bytes() == b"weights" * 1_000 for name in names)
    assert link.is_symlink() and elsewhere.read_bytes() == b"mine" * 1_000
    assert (
        sum(path.stat().st_size for path in copies(folder) if stat.S_ISREG(path.lstat().st_mode) and path.name < "8")
        <= 1_200
    )


def test_a_download_is_not_written_through_a_link(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "cache" / f"{0:064x}.safetensors.partial").symlink_to(tmp_path / "mine")
    try:
        use_copies(0, tmp_path / "cache", 5_000, 1, 1)
    finally:
        assert (tmp_path / "mine").read_bytes() == b"mine"


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
