"""Where training finds its rows: files, columns, what an item of each modality is, and who says what is similar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore import files
from hashcore.classical.spec import LEARN_FROM_LABELS, OF_TWO_MODALITIES
from hashcore.errors import ConfigError, InvalidInputError
from hashcore.inputs import InputSpec, infer

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset

    from jobs.pipeline.config import Pipeline
    from jobs.train import TrainConfig

INFER_ROWS = 256


class Source(NamedTuple):
    """A corpus to learn from.

    Attributes:
        path: Its place, for messages.
        files: Its Parquet files.
        rows: Rows in them, bad ones included.
        turns: Rows, or judgements, that an epoch goes through.
        id: Column of ids.
        items: Column of the items of each modality.
        labels: Column of labels; None where none are needed.
        inputs: What an item of each modality is.
    """

    path: str
    files: tuple[str, ...]
    rows: int
    turns: int
    id: str
    items: dict[str, str]
    labels: str | None
    inputs: dict[str, InputSpec]

    def columns(self) -> list[str]:
        """Return the columns that are read."""
        return [self.id, *self.items.values(), *([self.labels] if self.labels else [])]

    def row_bytes(self) -> int:
        """Return the bytes of the decoded items of a row."""
        return sum(map(item_bytes, self.inputs.values()))


def item_bytes(described: InputSpec) -> int:
    """Return the bytes of a decoded item."""
    return int(np.dtype(described.dtype).itemsize * np.prod(described.shape))


def find(pipeline: Pipeline) -> Source:
    """Look at the training corpus of a pipeline: its files, columns and first items.

    Raises:
        ConfigError: If it is not Parquet.
        InvalidInputError: If it is missing, empty or lacks a column, or no item can be read.
    """
    import pyarrow as pa

    path, config, train = pipeline.paths.corpus_train, pipeline.corpus, pipeline.train
    if config.format != "parquet":
        raise ConfigError(f"corpus.format={config.format}: training reads parquet; convert {path}")
    try:
        corpus = opened(path)
        rows = corpus.count_rows()
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInputError(f"{path} cannot be read as parquet ({_line(error)}); correct the path") from None
    if rows == 0:
        raise InvalidInputError(f"{path} is empty; give a corpus with at least two classes")
    named, labels = _columns(train), labels_of(pipeline)
    item_key = "train.modalities" if train.modalities else "train.column"
    wanted = [("corpus.id", config.id), *((item_key, column) for column in named.values()), ("corpus.labels", labels)]
    _check_columns(path, corpus.schema, wanted)
    first = corpus.head(INFER_ROWS, columns=list(named.values()))
    inputs = {name: infer(first.column(column)) for name, column in named.items()}
    turns = read_judgements(train.judgements).num_rows if train.judgements else rows
    scheme = path.rpartition("://")[0] + "://" if files.is_uri(path) else ""
    return Source(path, tuple(scheme + file for file in corpus.files), rows, turns, config.id, named, labels, inputs)


def opened(path: str) -> Dataset:
    """Return a Parquet file or folder, by path or by URI."""
    from pyarrow import dataset

    system, inner = files.located(path)
    return dataset.dataset(inner, format="parquet", filesystem=system)


def tag_column(pipeline: Pipeline) -> pa.Array:
    """Return the whole column of tags of a pipeline's training corpus.

    Raises:
        InvalidInputError: If the corpus is missing or lacks the column.
    """
    import pyarrow as pa

    path, name = pipeline.paths.corpus_train, pipeline.train.column or pipeline.train.modality
    try:
        corpus = opened(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInputError(f"{path} cannot be read as parquet ({_line(error)}); correct the path") from None
    _check_columns(path, corpus.schema, [("train.column", name)])
    return corpus.to_table(columns=[name]).column(name).combine_chunks()


def read_judgements(path: str) -> pa.Table:
    """Return the judged pairs or triplets of a Parquet file or folder.

    Raises:
        InvalidInputError: If it cannot be read, or is empty.
    """
    import pyarrow as pa

    try:
        table = opened(path).to_table()
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInputError(
            f"{path} cannot be read as parquet ({_line(error)}); correct train.judgements"
        ) from None
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
            "train.judgements, or use itq"
        )
    return labels


def _check_columns(path: str, schema: pa.Schema, wanted: Iterable[tuple[str, str | None]]) -> None:
    """Raise InvalidInputError if a column that a key of the configuration names is missing."""
    for key, name in wanted:
        if name is not None and name not in schema.names:
            raise InvalidInputError(f"{path} has no column {name} ({key}); it has {', '.join(schema.names)}")


def _line(error: Exception) -> str:
    """Return an error's text in one line."""
    return " ".join(str(error).split())[:200]
