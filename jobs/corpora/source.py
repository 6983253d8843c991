"""A corpus as Spark reads it: its files in steps, and of its columns those that are encoded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

    from jobs.corpora.corpus import CorpusConfig

UNREADABLE = ("FAILED_READ_FILE", "DATA_SOURCE_NOT_FOUND", "PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA", "MALFORMED")


def read(spark: SparkSession, source: str, file_format: str) -> DataFrame:
    """Return a corpus."""
    reader = _reader(spark, file_format)
    return (reader.option("inferSchema", "true") if file_format == "csv" else reader).load(source)


def steps(spark: SparkSession, whole: DataFrame, source: str, file_format: str, files_per_step: int) -> list[DataFrame]:
    """Divide a corpus by its files, so that each step can be encoded and kept by itself; the same on every call."""
    files = sorted(map(unquote, whole.inputFiles()))
    if len(files) <= files_per_step:
        return [whole]
    reader = _reader(spark, file_format).schema(whole.schema)
    if os.path.isdir(source):
        reader = reader.option("basePath", source)  # for columns that are named by folders
    return [reader.load(files[start : start + files_per_step]) for start in range(0, len(files), files_per_step)]


def _reader(spark: SparkSession, file_format: str) -> DataFrameReader:
    """Return a reader of a format."""
    reader = spark.read.format(file_format)
    return reader.option("header", "true") if file_format == "csv" else reader


@contextmanager
def reading(source: str, file_format: str) -> Iterator[None]:
    """Say in one line what Spark cannot read; any other error passes through.

    Raises:
        InvalidInputError: With the first line of what Spark says.
    """
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
        reason = re.search(rf"\[({'|'.join(UNREADABLE)})[^\n]*", said)
        if reason is None:
            raise
        raise InvalidInputError(f"{source} cannot be read as {file_format}: {reason.group()}") from None


def select(frame: DataFrame, source: str, config: CorpusConfig, item: str) -> DataFrame:
    """Return the columns id (long), item, and labels (list of int) of a corpus.

    Args:
        frame: The corpus.
        source: What to call it in an error.
        config: Names of its columns of ids and labels.
        item: Name of the column of items.

    Raises:
        InvalidInputError: If a column is missing, or ids or labels are no whole numbers.
    """
    from pyspark.sql import functions, types

    fields = {field.name: field.dataType for field in frame.schema.fields}
    for key, name in (("corpus.id", config.id), ("encode.column", item), ("corpus.labels", config.labels)):
        if name is not None and name not in fields:
            hint = "; use --set corpus.labels=null where items have none" if name == config.labels else ""
            raise InvalidInputError(f"{source} has no column {name} ({key}); it has {', '.join(fields)}{hint}")
    if not isinstance(fields[config.id], types.IntegralType):
        raise InvalidInputError(
            f"{source}: ids in {config.id} are {fields[config.id].simpleString()}; number the items"
        )
    columns = [functions.col(f"`{config.id}`").cast("long").alias("id"), functions.col(f"`{item}`").alias("item")]
    if config.labels is not None:
        columns.append(_labels(config.labels, fields[config.labels], source).alias("labels"))
    return frame.select(columns)


def _labels(name: str, held: Any, source: str) -> Any:
    """Return a Spark column of lists of labels, from lists or from single labels."""
    from pyspark.sql import functions, types

    column = functions.col(f"`{name}`")
    if isinstance(held, types.ArrayType) and isinstance(held.elementType, types.IntegralType):
        return column.cast("array<int>")
    if isinstance(held, types.IntegralType):
        return functions.array_compact(functions.array(column.cast("int")))
    raise InvalidInputError(f"{source}: labels in {name} are {held.simpleString()}; number the classes")
