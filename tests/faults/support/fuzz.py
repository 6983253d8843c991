"""Coverage-guided fuzzing of headers and manifests: whatever the bytes, a CorruptIndexError or the same answers.

`python tests/faults/support/fuzz.py RUNS SEED_FOLDER` runs atheris (libFuzzer) over two targets, told apart by the
first byte: a shard's header, given back its right digest so that what lies behind it is reached, and a manifest with
its checksum. Ends with status 0 where nothing but CorruptIndexError was raised, and prints how many inputs were tried.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import random
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris
import small_index
from json_mutations import mutate
from small_index import QUERIES

import indexer
from hashcore.errors import CorruptIndexError
from indexer.generations import manifest
from indexer.generations.manifest import Manifest
from indexer.search import shard
from indexer.shards import checks, live_rows, row_arrays
from indexer.storage import array_file
from indexer.structures import layout

RUNS, CORPUS = int(sys.argv[1]), Path(sys.argv[2])
ROOT = Path(tempfile.mkdtemp(prefix="fuzz-"))
START = small_index.start(str(ROOT / "start"))
SHARD = (ROOT / "start" / START.shards[0].name).read_bytes()
LENGTH = int.from_bytes(SHARD[:8], "little")
MANIFEST = next((ROOT / "start" / "manifests").glob("*2.json"))
GOOD = MANIFEST.read_bytes()
EXPECTED = small_index.content(START)[1]


def try_shard(header: bytes) -> None:
    """Open and search the shard with another header."""
    path = ROOT / "shard.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + SHARD[8 + LENGTH :])
    shard = indexer.Shard(path, hashlib.sha256(header).hexdigest())
    queries = QUERIES[:, : (shard.contents.layout.code_length + 7) // 8]
    if shard.contents.layout.code_length == small_index.LENGTH:
        shard.range_search(queries, 3, threads=1)
        shard.knn_search(queries, 2, threads=1)
        shard.contents.labels()


def try_manifest(content: bytes) -> None:
    """Open and search the index with another manifest, given its right checksum where it parses."""
    try:
        manifest = Manifest.model_validate_json(content)
        content = manifest.content()
    except ValueError:
        manifest = None
    MANIFEST.write_bytes(content)
    try:
        index = indexer.open(str(ROOT / "start"))
        found = index.range_search(QUERIES, 12, threads=1)
        if same_rows(index.shards):
            assert sorted(found.ids.tolist()) == sorted(EXPECTED[1]), "another answer"
    finally:
        MANIFEST.write_bytes(GOOD)


def same_rows(shards) -> bool:
    """Return whether a manifest that was made lists the same rows as the one that was written."""
    return [(e.digest, e.tombstones) for e in shards] == [(e.digest, e.tombstones) for e in START.shards]


def instrument(module) -> None:
    """Count the branches of a module's functions and methods: an editable install's loader hides them from atheris."""
    for held in list(vars(module).values()):
        functions = [held, *vars(held).values()] if inspect.isclass(held) else [held]
        for function in functions:
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                atheris.instrument_func(function)


def one(data: bytes) -> None:
    """Try one input."""
    with suppress(CorruptIndexError):
        (try_shard if data[:1] < b"\x80" else try_manifest)(data[1:])


def custom_mutator(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a value of the JSON text at times, else let libFuzzer change bytes."""
    dice = random.Random(seed)
    if dice.random() < 0.5:
        try:
            tree = json.loads(data[1:])
            mutate(tree, dice)
            return (data[:1] + json.dumps(tree).encode())[:max_size]
        except (ValueError, RecursionError):
            pass
    return atheris.Mutate(data, max_size)


if __name__ == "__main__":
    CORPUS.mkdir(parents=True, exist_ok=True)
    (CORPUS / "header").write_bytes(b"\x00" + SHARD[8 : 8 + LENGTH])
    (CORPUS / "manifest").write_bytes(b"\xff" + GOOD)
    arguments = [
        sys.argv[0],
        f"-runs={RUNS}",
        "-max_len=16384",
        "-timeout=30",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        f"-artifact_prefix={CORPUS}/",
        str(CORPUS),
    ]
    for module in (layout, live_rows, manifest, shard, row_arrays, checks, array_file):
        instrument(module)
    atheris.Setup(arguments, one, custom_mutator=custom_mutator)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)
