"""A listing tells the same files in the same order, of this machine and of S3."""

from __future__ import annotations

import os

import pytest

from hashcore.errors import InvalidInputError
from hashcore.storage import files
from hashcore.storage.listing import below

NAMES = ["a-b/x", "a/b/c", "a/b.txt", "a/é", "z", "_SUCCESS", ".hidden/x", "a/_temporary/y", "a/.crc"]
SHOWN = ["a/b/c", "a/b.txt", "a/é", "a-b/x", "z"]


def write(folder):
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_files_come_in_the_order_of_their_folders_names_and_hidden_ones_not_at_all(tmp_path):
    found = list(below(str(write(tmp_path))))
    assert found == [(name, len(name.encode())) for name in SHOWN]
    assert [name for name, _ in below(f"{tmp_path}/", hidden=(".",))] == [
        "_SUCCESS",
        "a/_temporary/y",
        "a/b/c",
        "a/b.txt",
        "a/é",
        "a-b/x",
        "z",
    ]


def test_objects_come_as_files_do(tmp_path, bucket):
    write(tmp_path)
    for name in NAMES:
        files.write_bytes(f"{bucket}/held/{name}", name.encode())
    files.write_bytes(f"{bucket}/held-too/x", b"x")
    for hidden in (("_", "."), (".",)):
        assert list(below(f"{bucket}/held", hidden)) == list(below(str(tmp_path), hidden))


def test_a_file_is_a_listing_of_itself_and_nothing_of_nothing(tmp_path, bucket):
    (tmp_path / "x").write_bytes(b"abc")
    files.write_bytes(f"{bucket}/x", b"abc")
    for source in (str(tmp_path / "x"), f"{bucket}/x"):
        assert list(below(source)) == [("", 3)]
        assert list(below(f"{source}-no")) == []


def test_folders_that_are_links_are_looked_into_and_circles_are_said(tmp_path):
    write(tmp_path / "held")
    (tmp_path / "linked").symlink_to(tmp_path / "held")
    assert [name for name, _ in below(str(tmp_path / "linked"))] == SHOWN
    os.symlink(tmp_path / "held", tmp_path / "held" / "circle")
    with pytest.raises(InvalidInputError, match="circle is a link to a folder above it"):
        list(below(str(tmp_path / "linked")))
