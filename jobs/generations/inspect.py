"""Show what the index holds, from its manifest alone."""

from __future__ import annotations

import numpy as np

from jobs.config.pipeline import Pipeline
from jobs.corpora.ids import listed


def run(pipeline: Pipeline) -> None:
    """Print what the index of a pipeline holds, and a line for each shard.

    Raises:
        InvalidInputError: If there is no index.
    """
    import indexer

    index = indexer.open(pipeline.paths.index)
    seen = index.inspect()
    others = ", ".join(str(number) for number in seen.generations if number != seen.generation)
    print(f"{seen.root}: generation {seen.generation}" + (f"; also kept: {others}" if others else ""))
    print(f"{seen.rows:,} items, {seen.deleted:,} rows deleted but not dropped, {seen.bytes:,} bytes")
    print(f"{seen.kind} codes of {seen.code_length} bits by hasher {seen.hasher_fingerprint or 'not told'}")
    if index.key_spec is not None:
        print(f"items have keys, which are {index.key_spec.called}")
    words = index.manifest.vocabulary
    if words is not None:
        print(f"labels have {len(words):,} names: {listed(np.array(words, object))}")
    for name, value in seen.provenance.items():
        print(f"{name}: {_told(value)}")
    for shard in seen.shards:
        print(f"{shard.digest[:8]}  {shard.rows:,} rows, {shard.distinct:,} codes, {shard.deleted:,} deleted")


def _told(value: object) -> str:
    """Return a value of a manifest in words."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    return str(value)
