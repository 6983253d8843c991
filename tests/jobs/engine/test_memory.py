"""Memory is a promise: projected before a job starts, above what it takes, and refused above what it may take."""

from __future__ import annotations

import importlib
import multiprocessing
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_codes import make

import indexer
from hashcore.errors import ConfigError
from hashcore.labels import Labels
from jobs import evaluate, index, search
from jobs.config.pipeline import Pipeline
from jobs.config.sections.spark import SparkConfig
from jobs.corpora import encode_task
from jobs.engine import memory
from jobs.evaluation import distinct, tally
from jobs.generations import append, compact, verify
from jobs.generations.shards import shards_of
from jobs.stages import codes_directory
from jobs.stages.names import Names

ROWS = 400_000
QUERIES = 1_000
KEY_BYTES = 40
spawn = multiprocessing.get_context("spawn")


def peak_bytes():
    status = Path("/proc/self/status").read_text()  # ru_maxrss would be the parent's where that is larger
    return 1024 * int(re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)[1])


def measured(task, arguments, modules, results):
    """Run a task in this new process, and tell what it held before, and at most."""
    for module in modules:
        importlib.import_module(module)
    before = peak_bytes()
    task(*arguments)
    results.send((before, peak_bytes()))


def takes(task, *arguments, modules=()):
    """Return what a new process holds before a task, and at most during it."""
    ours, theirs = spawn.Pipe()
    child = spawn.Process(target=measured, args=(task, arguments, modules, theirs))
    child.start()
    theirs.close()
    found = ours.recv()  # EOFError where the child fails
    child.join()
    return found


def is_promised(found, projected, process=indexer.memory.PROCESS_BYTES, least=0.1):
    """Assert that a process is no larger than supposed, and that its task takes what is projected, and not far less."""
    before, peak = found
    assert before < process
    assert least * (projected - process) < peak - before < projected - process


def codes_of(rows, code_length, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, code_length // 8), np.uint8)


def labels_of(rows):
    return Labels(np.arange(rows + 1), np.arange(rows, dtype=np.int32) % 100)


def build(root, layout, with_labels):
    codes = codes_of(ROWS, layout.code_length)
    labels = labels_of(ROWS) if with_labels else None
    indexer.build_shard(root, np.arange(ROWS), codes, labels, layout=layout, threads=2)


@pytest.mark.parametrize(("code_length", "with_labels"), [(64, False), (64, True), (256, True)])
def test_building_takes_no_more_than_projected(tmp_path, code_length, with_labels):
    layout = indexer.plan_layout(codes_of(1_000, code_length), code_length=code_length, rows_per_shard=ROWS)
    projected = indexer.memory.building_bytes(ROWS, layout, ROWS * with_labels)
    is_promised(takes(build, str(tmp_path), layout, with_labels), projected)


def keys_of(rows):
    """Return keys of 40 bytes, made without Python's texts, which would count as what building takes."""
    content = np.full((rows, KEY_BYTES), ord("-"), np.uint8)
    for digit in range(9):
        content[:, digit] = ord("0") + np.arange(rows) // 10**digit % 10
    buffers = [None, pa.py_buffer(np.arange(rows + 1) * KEY_BYTES), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.large_string(), rows, buffers)


def build_with_keys(root, layout):
    spec = indexer.KeySpec(type="string")
    indexer.build_shard(root, keys_of(ROWS), codes_of(ROWS, 64), None, layout=layout, keys=spec, threads=2)


def test_building_with_keys_takes_no_more_than_projected(tmp_path):
    layout = indexer.plan_layout(codes_of(1_000, 64), code_length=64, rows_per_shard=ROWS)
    projected = indexer.memory.building_bytes(ROWS, layout, 0, ROWS * KEY_BYTES)
    is_promised(takes(build_with_keys, str(tmp_path), layout), projected)


def test_merging_with_keys_takes_no_more_than_projected(tmp_path):
    root = str(tmp_path / "index")
    held = indexer.build(root, keys_of(ROWS), codes_of(ROWS, 64), code_length=64, rows_per_shard=ROWS // 2)
    held.delete(keys_of(ROWS)[::10])
    projected = indexer.memory.merging_bytes(held.shards, held.manifest.layout, keyed=True)
    is_promised(takes(compact.merge_group, shards_of(root, held, (0, 1))), projected)


def add_with_keys(root):
    snapshot = indexer.open(root).snapshot
    indexer.tasks.append_shard(snapshot, keys_of(ROWS)[ROWS // 2 :], codes_of(ROWS // 2, 64), threads=2)


def test_appending_and_verifying_with_keys_takes_no_more_than_projected(tmp_path):
    root = str(tmp_path / "index")
    half = ROWS // 2
    held = indexer.build(root, keys_of(half), codes_of(half, 64), code_length=64)
    layout = held.manifest.layout
    is_promised(
        takes(add_with_keys, root),
        indexer.memory.adding_bytes(half, layout, held.shards, 0, half * KEY_BYTES),
        least=0.05,
    )
    projected = indexer.memory.verifying_bytes(held.shards[0], layout)
    took = takes(verify.verify_shard, 4, shards_of(root, held, (0,)), modules=["pyarrow.compute"])
    is_promised(took, projected)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An index of two shards with labels, a tenth of whose rows are deleted."""
    root, rows = str(tmp_path_factory.mktemp("memory") / "index"), ROWS
    labels = labels_of(rows)
    made = indexer.build(
        root, np.arange(rows), codes_of(rows, 64), code_length=64, labels=labels, rows_per_shard=rows // 2
    )
    made.delete(np.arange(0, rows, 10))
    return root


def add(root, chunk):
    append.build_shard(root, indexer.open(root).generation, Names(None, None), (0, chunk))


def test_appending_takes_no_more_than_projected(root, tmp_path):
    rows = make(tmp_path / "more", files=(ROWS // 2,), code_length=64, rows_per_group=1 << 17, first_id=10**7)
    (chunk,) = codes_directory.plan(str(tmp_path / "more"), ROWS)
    assert codes_directory.chunk_rows(chunk) == len(rows.ids)
    held = indexer.open(root)
    projected = indexer.memory.adding_bytes(
        ROWS // 2, held.manifest.layout, held.shards, codes_directory.labels_of(chunk)
    )
    is_promised(takes(add, root, chunk), projected, least=0.05)


def test_merging_takes_no_more_than_projected(root):
    held = indexer.open(root)
    projected = indexer.memory.merging_bytes(held.shards, held.manifest.layout)
    is_promised(takes(compact.merge_group, shards_of(root, held, (0, 1))), projected)


def ask(root, k, radius):
    shard, queries = indexer.open(root).open_shard(0), codes_of(QUERIES, 64, 1)
    return shard.range_search(queries, radius) if k is None else shard.knn_search(queries, k)


@pytest.mark.parametrize(("k", "radius"), [(100, None), (None, 16)])
def test_searching_takes_no_more_than_projected(root, k, radius):
    entry = indexer.open(root).shards[0]
    is_promised(takes(ask, root, k, radius), indexer.memory.searching_bytes(entry, QUERIES, 64, k, 64 << 20))


def test_verifying_takes_no_more_than_projected(root):
    held = indexer.open(root)
    projected = indexer.memory.verifying_bytes(held.shards[0], held.manifest.layout)
    is_promised(takes(verify.verify_shard, 4, shards_of(root, held, (0,))), projected)


def test_verifying_sparse_codes_takes_no_more_than_projected(tmp_path):
    tags = (np.random.default_rng(5).random((ROWS // 2, 256)) < 0.04).astype(np.uint8)
    root, packed = str(tmp_path / "sparse"), np.packbits(tags, axis=1, bitorder="little")
    layout = indexer.plan_layout(
        packed[:5_000], code_length=256, rows_per_shard=len(packed), kind="sparse", signatures=True
    )
    assert layout.lists and layout.blocks
    held = indexer.build(root, np.arange(len(packed)), packed, code_length=256, kind="sparse", layout=layout)
    is_promised(
        takes(verify.verify_shard, 4, shards_of(root, held, (0,))),
        indexer.memory.verifying_bytes(held.shards[0], layout),
    )


def count(root):
    queries = tally.Queries(np.arange(QUERIES), codes_of(QUERIES, 64, 1), labels_of(QUERIES))
    tally.tally_shard(indexer.open(root).open_shard(0), queries, 50)


def test_evaluating_takes_no_more_than_projected(root):
    held = indexer.open(root)
    is_promised(takes(count, root), indexer.memory.counting_bytes(held.shards[0], QUERIES, 50, held.manifest.layout, 2))
    part = distinct.Part(root, held.generation, 0, 1)
    is_promised(takes(distinct.count_part, part), indexer.memory.distinct_bytes(held.shards[0], 64, 8 * ROWS))


BATCH, GROUP, DIMENSIONS = 8_192, 1 << 17, 512


def encode(folder, fingerprint, rows):
    encode_task.task_threads = lambda: 2
    work = encode_task.Work(folder, 0, f"{folder}/hasher", fingerprint, "features", GROUP)
    items = np.random.default_rng(0).normal(size=(min(rows, BATCH), DIMENSIONS)).astype(np.float32)
    values = pa.FixedSizeListArray.from_arrays(items.reshape(-1), DIMENSIONS)
    batches = (
        pa.RecordBatch.from_pydict({"id": np.arange(start, start + len(items)), "item": values})
        for start in range(0, rows, BATCH)
    )
    assert encode_task.encode_partition(work, 0, batches).encoded == rows


def test_encoding_takes_no_more_than_projected(tmp_path):
    from hashcore.classical.lsh import fit

    hasher = fit(np.random.default_rng(0).normal(size=(100, DIMENSIONS)).astype(np.float32), 256, seed=0)
    hasher.save(str(tmp_path / "hasher"))
    for part in (codes_directory.DATA, encode_task.REJECTED, encode_task.SCRATCH):
        (tmp_path / part).mkdir()
    modules = ("torch", "hashcore.hasher", "pyarrow.parquet")
    peaks = [takes(encode, str(tmp_path), hasher.fingerprint, rows, modules=modules)[1] for rows in (32, 2 * GROUP)]
    is_promised(peaks, memory.encoding_bytes(BATCH, 4 * DIMENSIONS, GROUP, 256), memory.WITH_TORCH_BYTES)


def test_what_is_too_much_is_refused_with_both_figures_and_the_settings():
    with pytest.raises(ConfigError, match=r"index: .* 2,048 MiB but may take 1,024 MiB; lower a\.b, or raise"):
        memory.promise("index", 2 << 30, SparkConfig(task_memory="1g"), "lower a.b")
    memory.promise("index", 1 << 30, SparkConfig(task_memory="1g"), "lower a.b")
    memory.promise("index", 1 << 30, SparkConfig(), "lower a.b")


def test_every_job_refuses_before_any_work(spark, tmp_path):
    make(tmp_path / "codes" / "database", code_length=64)
    make(tmp_path / "codes" / "queries", code_length=64)
    make(tmp_path / "more", code_length=64, first_id=1_000)
    values = {"name": "a", "root": str(tmp_path), "search": {"radius": 3}, "evaluate": {"knn": []}}
    values["append"] = {"codes": str(tmp_path / "more")}
    small = Pipeline.model_validate({**values, "spark": {"task_memory": "9m"}})
    with pytest.raises(ConfigError, match=r"index: a task is projected.*lower index\.rows_per_shard"):
        index.run(small)
    assert not (tmp_path / "index").exists()
    index.run(Pipeline.model_validate(values))
    indexer.open(str(tmp_path / "index")).delete(np.array([100]))
    before = sorted(path for path in tmp_path.rglob("*") if "runs" not in path.parts)
    jobs = (search, "search"), (append, "index"), (compact, "compact"), (verify, "compact"), (evaluate, "compact")
    for job, setting in jobs:
        with pytest.raises(
            ConfigError, match=rf"a task is projected to take .* MiB but may take 9 MiB; lower {setting}\."
        ):
            job.run(small)
    assert sorted(path for path in tmp_path.rglob("*") if "runs" not in path.parts) == before
