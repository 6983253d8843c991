"""A store in a directory on file systems that lack something, and with links and old files in it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import indexer
from hashcore import codes
from hashcore.errors import OutputError, StorageError
from indexer.generations.vacuum import USUAL_AGE_S
from indexer.storage.directory import DirectoryStore

IDS, CODES = np.arange(60), codes.pack(np.random.default_rng(0).integers(0, 2, (60, 32)))
MONTH_S = 30 * 86_400


def build(root):
    return indexer.build(str(root), IDS, CODES, code_length=32, rows_per_shard=30)


def refuse(number):
    """Return a function that fails as the system does with an error of some number."""

    def call(*_, **__):
        raise OSError(number, os.strerror(number))

    return call


def history(root):
    """Make some changes of every kind and return what is left."""
    index = build(root).delete(IDS[:5]).append(np.arange(100, 110), CODES[:10]).compact(100)
    index.vacuum(older_than_s=0)
    return sorted(indexer.open(str(root)).range_search(CODES[:3], 32).ids.tolist())


EXPECTED = sorted([*IDS[5:].tolist(), *range(100, 110)] * 3)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links_holds_an_index(tmp_path, monkeypatch, number):
    monkeypatch.setattr("os.link", refuse(number))
    assert history(tmp_path / "index") == EXPECTED
    store = DirectoryStore(tmp_path / "index")
    assert store.put_new("a", b"1") and store.put_new("a", b"1") and not store.put_new("a", b"2")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_fsync_holds_an_index(tmp_path, monkeypatch, number):
    monkeypatch.setattr("os.fsync", refuse(number))
    assert history(tmp_path / "index") == EXPECTED


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_to_write_is_said(tmp_path, monkeypatch, number):
    monkeypatch.setattr("os.fsync", refuse(number))
    with pytest.raises(OutputError, match=os.strerror(number)):
        build(tmp_path / "index")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused_before_any_work(tmp_path, monkeypatch, number):
    monkeypatch.setattr("fcntl.flock", refuse(number))
    with pytest.raises(
        StorageError, match=r"does not lock files \(flock: .*keep the index on another disk, or at s3://"
    ):
        build(tmp_path / "index")
    assert DirectoryStore(tmp_path / "index").entries("shards") == []


def test_a_vacuum_of_a_disk_without_room_for_another_file_makes_room(tmp_path, monkeypatch):
    index = build(tmp_path / "index").compact(100)
    monkeypatch.setattr("indexer.storage.directory.DirectoryStore._write", refuse(errno.ENOSPC))
    assert index.vacuum(older_than_s=0).files == 2
    (tmp_path / "index" / "tmp" / "lock").unlink()
    monkeypatch.setattr("pathlib.Path.touch", refuse(errno.ENOSPC))
    assert index.vacuum(older_than_s=0) == (0, 0, 0, 0)


@pytest.mark.parametrize("folder", ["shards", "tmp", "tombstones"])
def test_a_vacuum_removes_nothing_that_lies_behind_a_link(tmp_path, folder):
    index, elsewhere = build(tmp_path / "index"), tmp_path / "elsewhere"
    shutil.rmtree(tmp_path / "index" / folder, ignore_errors=True)
    elsewhere.mkdir()
    name = f"hashcore-{'a' * 32}" if folder == "tmp" else f"{'a' * 64}.safetensors"
    (elsewhere / name).write_text("my only copy")
    (tmp_path / "index" / folder).symlink_to(elsewhere)
    assert index.vacuum(older_than_s=0) == (0, 0, 0, 0)
    assert (elsewhere / name).read_text() == "my only copy"


def test_shards_may_lie_on_another_disk_by_a_link(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "large disk").mkdir()
    (tmp_path / "index" / "shards").symlink_to(tmp_path / "large disk")
    assert history(tmp_path / "index") == EXPECTED


def test_a_shard_that_was_brought_in_with_its_old_time_is_not_old(tmp_path):
    index, other = build(tmp_path / "index"), build(tmp_path / "other").compact(100)
    name = other.shards[0].name
    shutil.copy(tmp_path / "other" / name, tmp_path / "index" / name)
    month_ago = (tmp_path / "index" / name).stat().st_mtime - MONTH_S
    os.utime(tmp_path / "index" / name, (month_ago, month_ago))
    assert index.vacuum() == (0, 0, 0, 0)
    assert len(indexer.commit(str(tmp_path / "index"), other.shards, layout=other.manifest.layout)) == 60


def test_files_of_others_outlive_any_vacuum_of_an_index_beside_them(tmp_path, monkeypatch):
    index = build(tmp_path / "index").compact(100)
    mine = tmp_path / "index" / "shards" / "00000.tar"
    mine.write_text("my only copy")
    now_s = index.store.now_s()
    monkeypatch.setattr(index.store, "now_s", lambda: now_s + MONTH_S)
    assert index.vacuum(older_than_s=USUAL_AGE_S).files == 2
    assert mine.read_text() == "my only copy" and Path(mine).exists()


def test_an_index_of_version_without_a_folder_of_temporary_files_is_changed(tmp_path):
    build(tmp_path / "index")
    shutil.rmtree(tmp_path / "index" / "tmp")
    assert len(indexer.open(str(tmp_path / "index")).delete(IDS[:5])) == 55
