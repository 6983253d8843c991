"""A corpus of two classes in 5 dimensions to train on, as Parquet, and a pipeline that reads it."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.config.pipeline import Pipeline

NETWORK = {"name": "mlp", "hidden": [16]}
ROWS = 200


def pipeline(root, corpus=None, **values):
    return Pipeline.model_validate(
        {
            "name": "a",
            "root": str(root),
            "corpus": {"source": "files", **(corpus or {})},
            "train": {
                "code_length": 16,
                "network": NETWORK,
                "epochs": 3,
                "batch_size": 32,
                "in_process": True,
                "modality": "features",
                **values,
            },
        }
    )


def features():
    """Two classes in 5 dimensions, by turns."""
    items = np.random.default_rng(0).standard_normal((ROWS, 5)).astype(np.float32)
    items[::2] += 3
    return items


def columns(**changed):
    made = {"id": np.arange(ROWS), "features": features().tolist(), "labels": [[row % 2] for row in range(ROWS)]}
    return {name: values for name, values in {**made, **changed}.items() if values is not None}


def write(root, held, files=3):
    """Write a training corpus of some files."""
    folder, table = root / "corpus" / "train", pa.table(held)
    os.makedirs(folder)
    bounds = np.linspace(0, len(table), files + 1).astype(int)
    for number, (start, stop) in enumerate(pairwise(bounds)):
        pq.write_table(table.slice(start, stop - start), folder / f"{number}.parquet")


def two_views(**changed):
    """Rows with a second modality, 3 numbers wide."""
    generator = np.random.default_rng(1)
    second = generator.standard_normal((ROWS, 3)) + 3 * (np.arange(ROWS) % 2)[:, None]
    return columns(text=second.astype(np.float32).tolist(), **changed)


COUPLED = {
    "modalities": {"features": {"network": {"name": "linear", "bounded": True}}, "text": {"weight": 0.25}},
    "network": {"name": "mlp", "hidden": [8], "bounded": True},
    "loss": {"name": "nn_hash", "margin": 3},
}
