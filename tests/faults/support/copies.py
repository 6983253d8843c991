"""Uses of a cache of copies, by this process or another."""

from __future__ import annotations

import multiprocessing
import random

from indexer.storage.cache import ShardCache

fork = multiprocessing.get_context("fork")


def use_copies(number, folder, limit, names, count):
    """Use copies of 512 bytes, drawn at random."""
    cache, drawn = ShardCache(folder, limit), random.Random(number)
    for _ in range(count):
        name = f"{drawn.randrange(names):064x}"
        held = name.encode() * 8
        with cache.file(f"{name}.safetensors", lambda: 512, lambda path, held=held: path.write_bytes(held)) as path:
            assert path.read_bytes() == held


def copies(folder):
    return sorted(folder.glob("*.safetensors"))
