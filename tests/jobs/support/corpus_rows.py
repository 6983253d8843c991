"""Rows of a corpus of any format as a task of encoding reads them, and corpora to read."""

from __future__ import annotations

import io
import pickle
import tarfile
from types import SimpleNamespace

import numpy as np
from pictures import png

from hashcore.inputs.column import read_column
from hashcore.inputs.features import FeatureInput
from jobs.corpora.reader import Columns
from jobs.corpora.source import steps

ENGINE = SimpleNamespace(slots=lambda: 4)  # all that dividing a corpus asks of an engine


def batches(source, item="features", labels=None, file_format="auto", batch_rows=7, key="id", **more):
    """Return the batches of all shares, after the shares have travelled."""
    items = {"item": item} if item else {}
    columns = Columns(str(source), key, items, labels, **more)
    made = steps(ENGINE, columns, file_format, files_per_step=3, batch_rows=batch_rows)
    shares = [(step, share) for step in made for share in step.shares]
    return [batch for step, share in shares for batch in step.batches(pickle.loads(pickle.dumps(share)))]


def rows(source, **options):
    """Return the rows as dictionaries."""
    return [row for batch in batches(source, **options) for row in batch.to_pylist()]


def features(source, **options):
    """Return ids and the features of all rows, float32."""
    found = batches(source, **options)
    width = next(len(item) for batch in found for item in batch.column("item").to_pylist())
    read = [read_column(batch.column("item"), FeatureInput(dimensions=width)) for batch in found]
    assert not any(each.rejected for each in read)
    return [id_ for batch in found for id_ in batch.column("id").to_pylist()], np.concatenate([r.values for r in read])


def picture(seed=0, side=8):
    """Return the PNG of a picture of noise."""
    return png(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def write_tar(path, members, mode="w"):
    """Write a tar of (name, content)."""
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            told = tarfile.TarInfo(name)
            told.size = len(content)
            tar.addfile(told, io.BytesIO(content))
