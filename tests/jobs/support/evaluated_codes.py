"""An index of labelled codes of a few classes, queries of it, and figures by comparing every pair."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import indexer
from hashcore.codes import pack
from hashcore.columns.codes import codes_to_arrow
from hashcore.labels import Labels
from jobs.config.pipeline import Pipeline
from jobs.config.sections.evaluate import EvaluateConfig
from jobs.stages import codes_directory

LENGTH = 24
ITEMS, QUERIES, CLASSES = 300, 41, 4


def rows(count, seed, first_id=0):
    """Codes that lie near one centre per class, many of them alike; ids in no order."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).integers(0, 2, (CLASSES, LENGTH))
    classes = rng.integers(0, CLASSES, count)
    bits = centres[classes] ^ (rng.random((count, LENGTH)) < 0.12)
    ids = first_id + 7 * rng.permutation(count)
    return ids.astype(np.int64), pack(bits), [[int(label)] for label in classes]


def write_queries(pipeline, ids, packed, labels, fingerprint="3f9c", code_length=LENGTH):
    path = pipeline.paths.codes_queries
    os.makedirs(f"{path}/data", exist_ok=True)
    table = {"id": ids, "code": codes_to_arrow(packed)}
    if labels is not None:
        table["labels"] = Labels.from_lists(labels).to_arrow()
    pq.write_table(pa.table(table), f"{path}/data/part-0.parquet")
    info = codes_directory.CodesInfo(
        code_length=code_length, kind="dense", hasher_fingerprint=fingerprint, modality="image", rows=len(ids)
    )
    codes_directory.write_info(path, info)


def make(root, *, order=np.arange, rows_per_shard=1 << 20, items=None, queries=None, **config):
    """A pipeline with an index and encoded queries, rows of both in the given order."""
    pipeline = Pipeline(name="test", root=str(root), evaluate=EvaluateConfig(**{"knn": (1, 7), **config}))
    ids, packed, labels = items or rows(ITEMS, 2)
    chosen = order(len(ids))
    indexer.build(
        pipeline.paths.index,
        ids[chosen],
        packed[chosen],
        code_length=8 * packed.shape[1],
        labels=None if labels is None else Labels.from_lists(labels).take(chosen),
        rows_per_shard=rows_per_shard,
    )
    ids, packed, labels = queries or rows(QUERIES, 3, first_id=10**6)
    chosen = order(len(ids))
    write_queries(pipeline, ids[chosen], packed[chosen], [labels[i] for i in chosen])
    return pipeline


def brute_counts(items, queries):
    """Counts at each distance, of all items and of those with a common label, by comparing every pair."""
    counts = np.zeros((2, len(queries[0]), LENGTH + 1), np.int64)
    for q, (code, labels) in enumerate(zip(queries[1], queries[2], strict=True)):
        for item, item_labels in zip(items[1], items[2], strict=True):
            distance = int(np.bitwise_count(code ^ item).sum())
            counts[0, q, distance] += 1
            counts[1, q, distance] += bool(set(labels) & set(item_labels))
    return counts
