"""A cache of copies that is damaged, that cannot be written, that holds files of others."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from copies import copies, fork, use_copies
from small_index import content, start

import indexer
from hashcore.errors import CorruptIndexError, OutputError

NOBODY = 65_534


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
