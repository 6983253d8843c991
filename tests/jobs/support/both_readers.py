"""A small corpus, and its rows as training and as encoding read them."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import training_corpus

from hashcore.errors import HashcoreError
from jobs.corpora import verdict, vocabulary
from jobs.corpora.encode_task import Counts
from jobs.corpora.reader import Columns
from jobs.corpora.source import steps
from jobs.stages.distinct import Distinct
from jobs.stages.rejects import Rejects
from jobs.training import reading
from jobs.training.source import find

FEATURES = [[float(row), 1.0] for row in range(6)]
IDS = [40, 10, 30, 20, 60, 50]


def table(ids=IDS, labels=(1, 2, 1, 2, 1, 2), features=FEATURES):
    held = {"id": ids, "features": features, "labels": labels}
    return pa.table({name: values for name, values in held.items() if values is not None})


def pipeline(root, **corpus):
    return training_corpus.pipeline(root, corpus=corpus)


def write(root, *tables, name="{}.parquet", **options):
    folder = root / "corpus" / "train"
    shutil.rmtree(folder, ignore_errors=True)
    for number, each in enumerate(tables):
        path = folder / name.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(each, path, **options)
    return folder


def trained(given):
    """Return (id, labels) of each row as training has them, or what it says."""
    try:
        held = reading.read(find(given), given.train)
    except HashcoreError as error:
        return str(error)
    return sorted(zip(held.column("id").to_pylist(), held.column("labels").to_pylist(), strict=True))


def encoded(given):
    """Return (id, labels) of each row as encoding has them, or what it says; as its tasks read them."""
    columns = Columns(
        given.paths.corpus_train, given.corpus.id, {"item": "features"}, given.corpus.labels, given.corpus.labels_as
    )
    try:
        (step,) = steps(None, columns, "parquet", files_per_step=100, batch_rows=4096)
        batches = [batch for share in step.shares for batch in step.batches(share)]
        names = vocabulary.names_of(0, batches) if step.has_names() else None
        nulls = sum(batch.column("id").null_count for batch in batches)
        verdict.judge_encoded(Counts(1, nulls, Rejects(), Distinct()), columns.source, given.corpus.id, None)
    except HashcoreError as error:
        return str(error)
    labels = [vocabulary.numbered(batch.column("labels"), names).to_pylist() for batch in batches]
    pairs = [
        zip(batch.column("id").to_pylist(), held, strict=True) for batch, held in zip(batches, labels, strict=True)
    ]
    return sorted(row for pair in pairs for row in pair)
