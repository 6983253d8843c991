"""Shards of other arrays or facts, opened with digests that are right."""

import pytest

import indexer
from hashcore.errors import CorruptIndexError
from indexer.storage.array_file import write_array_file


def opened(folder, arrays, facts, **others):
    """Write a shard and open it."""
    digest = write_array_file(folder / "shard", arrays, facts)
    path = (folder / "shard").rename(folder / f"{digest}.safetensors")
    return indexer.Shard(path, digest, **others)


def assert_refused(call, match):
    with pytest.raises(CorruptIndexError, match=match) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
