"""Show what the index holds, from its manifest alone."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.config.pipeline import Pipeline

CALLED = {"string": "texts", "binary": "bytes"}
SHOWN = 5


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
        print(f"items have keys, which are {CALLED[index.key_spec.type]}")
    if index.manifest.vocabulary is not None:
        print(f"labels have {len(index.manifest.vocabulary):,} names: {listed(index.manifest.vocabulary)}")
    for name, value in seen.provenance.items():
        print(f"{name}: {_told(value)}")
    for shard in seen.shards:
        print(f"{shard.digest[:8]}  {shard.rows:,} rows, {shard.distinct:,} codes, {shard.deleted:,} deleted")


def listed(names: Sequence[str]) -> str:
    """Return the first of some names in words."""
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def _told(value: object) -> str:
    """Return a value of a manifest in words."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    return str(value)
