"""Sources of training rows: files, columns, the items of each modality, and their supervision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore.classical.spec import LEARN_FROM_LABELS, OF_TWO_MODALITIES
from hashcore.columns.plain import plain
from hashcore.errors import ConfigError, InvalidInputError
from hashcore.inputs.column import InputSpec, infer
from jobs.config.pipeline import Pipeline
from jobs.config.sections.corpus import FormatName
from jobs.config.sections.train import TrainConfig
from jobs.corpora import reader, vocabulary
from jobs.corpora.formats import by_name, parquet
from jobs.corpora.formats import corpus as corpora
from jobs.corpora.formats.corpus import Corpus, Part
from jobs.corpora.reader import Columns
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa

INFER_ROWS = 1024
PREFIX = "item:"  # of the columns of items, which may be called id or labels


class Source(NamedTuple):
    """A corpus to learn from.

    Attributes:
        path: Its place, for messages.
        format: Its format.
        files: Its files, or folders of images.
        rows: Rows in them, bad ones included.
        anchors: Rows, or judgements, that an epoch goes through.
        read: Its columns of ids, of the items of each modality, and of labels; None where no labels are needed.
        inputs: What an item of each modality is.
        names: Of the labels, None where these are numbers.
    """

    path: str
    format: FormatName
    files: tuple[str, ...]
    rows: int
    anchors: int
    read: Columns
    inputs: dict[str, InputSpec]
    names: tuple[str, ...] | None = None

    def columns(self) -> list[str]:
        """Return the columns that are read."""
        return self.read.names()

    def row_bytes(self) -> int:
        """Return the bytes of the decoded items of a row."""
        return sum(map(item_bytes, self.inputs.values()))


def item_bytes(described: InputSpec) -> int:
    """Return the bytes of a decoded item."""
    return int(np.dtype(described.dtype).itemsize * np.prod(described.shape))


def find(pipeline: Pipeline) -> Source:
    """Look at the training corpus of a pipeline: its files, columns and first items.

    Raises:
        ConfigError: If it is of orc.
        InvalidInputError: If it is missing, empty or lacks a column, or no item can be read.
    """
    path, config, train = pipeline.paths.corpus_train, pipeline.corpus, pipeline.train
    file_format = by_name.resolved(config, path).format
    if file_format == "orc":
        raise ConfigError(f"corpus.format=orc: training reads no orc; convert {path} to Parquet")
    named = _columns(train)
    item_key = "train.modalities" if train.modalities else "train.column"
    items = {PREFIX + name: column for name, column in named.items()}
    columns = Columns(path, config.id, items, labels_of(pipeline), config.labels_as, item_key, id_as=config.id_as)
    columns = columns._replace(vector=config.columns)
    corpus = by_name.open_corpus(path, file_format)
    held, rows = _looked_at(corpus, columns)
    inputs = _inputs(held, columns, train)
    anchors = read_judgements(train.judgements).num_rows if train.judgements else rows
    names = _names(held, columns)
    places = tuple(dict.fromkeys(part.place for part in held))
    if file_format != "parquet":
        print(f"train: {path} holds {corpus.told}")
    return Source(path, file_format, places, rows, anchors, columns, inputs, names)


def _looked_at(corpus: Corpus, columns: Columns) -> tuple[Sequence[Part], int]:
    """Return the parts of a corpus, whose columns were looked at, and its rows.

    Raises:
        InvalidInputError: If it is empty or lacks a column.
    """
    if all(part.rows() == 0 for part in corpus.parts):
        rows = 0
    else:
        corpora.checked(corpus, columns)
        rows = corpora.count_rows(corpus, columns)
    if rows == 0:
        raise InvalidInputError(f"{corpus.source} is empty; give a corpus with at least two classes")
    return corpus.parts, rows


def _names(held: Sequence[Part], columns: Columns) -> tuple[str, ...] | None:
    """Return the names of a corpus's labels, None where these are numbers."""
    if not corpora.has_names(held, columns):
        return None
    alone = columns._replace(items={})
    batches = (batch for file in held for batch in corpora.raw_batches(alone, file, INFER_ROWS * 64))
    names = vocabulary.names_of(0, (reader.canonical(batch, alone) for batch in batches))
    return vocabulary.joined([names], columns)


def _inputs(held: Sequence[Part], columns: Columns, train: TrainConfig) -> dict[str, InputSpec]:
    """Return what an item of each modality is, by rows from all parts of the corpus."""
    batches = list(corpora.sample(columns, held, INFER_ROWS))
    return {
        name.removeprefix(PREFIX): infer(
            [batch.column(column) for batch in batches],
            channels=train.channels,
            size=train.size,
            resize=train.resize,
            interpolation=train.interpolation,
        )
        for name, column in columns.items.items()
    }


def tag_column(pipeline: Pipeline) -> pa.Array:
    """Return the whole column of tags of a pipeline's training corpus.

    Raises:
        InvalidInputError: If the corpus is missing or lacks the column.
    """
    import pyarrow as pa

    path, name = pipeline.paths.corpus_train, pipeline.train.column or pipeline.train.modality
    columns = Columns(
        path, pipeline.corpus.id, {"item": name}, None, item_key="train.column", id_as=pipeline.corpus.id_as
    )
    held = corpora.checked(by_name.open_corpus(path, pipeline.corpus.format), columns)
    batches = (batch for part in held for batch in part.batches(columns, INFER_ROWS * 64))
    return pa.chunked_array([plain(batch.column(name)) for batch in batches]).combine_chunks()


def read_judgements(path: str) -> pa.Table:
    """Return the judged pairs or triplets of a Parquet file or folder.

    Raises:
        InvalidInputError: If it cannot be read, or is empty.
    """
    corpus = parquet.dataset(path)
    with readable(path):
        table = corpus.to_table()
    if table.num_rows == 0:
        raise InvalidInputError(f"{path} holds no judgement; give pairs or triplets, or leave train.judgements out")
    return table


def reads_several(train: TrainConfig) -> bool:
    """Return whether a training reads several modalities."""
    return bool(train.modalities) and (train.method == "network" or train.method in OF_TWO_MODALITIES)


def _columns(train: TrainConfig) -> dict[str, str]:
    """Return the column of each modality that is trained."""
    if reads_several(train):
        return {name: name for name in train.modalities}
    return {train.modality: train.column or train.modality}


def labels_of(pipeline: Pipeline) -> str | None:
    """Return the column of labels, None if none are needed.

    Raises:
        ConfigError: If they are needed and have no column.
    """
    train, labels = pipeline.train, pipeline.corpus.labels
    if train.method != "network" and train.method not in LEARN_FROM_LABELS:
        return None
    if train.method == "network" and train.judgements:
        return None
    if labels is None:
        raise ConfigError(
            f"corpus.labels=null: train.method={train.method} learns from labels; name their column, give "
            "train.judgements, or learn without by --set train.method=itq"
        )
    return labels
