"""One aggregation on Spark over all ids of a codes directory, which finds those that occur twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hashcore.errors import InvalidInputError
from jobs.engine.interrupts import wait_for
from jobs.engine.spark_engine import session_of
from jobs.engine.tasks import Engine
from jobs.stages import codes_directory

if TYPE_CHECKING:
    import pyarrow as pa

NAMED_IDS = 5


def check_ids(engine: Engine, source: str, chunks: Sequence[codes_directory.Chunk]) -> None:
    """Raise InvalidInputError, naming a few, if an id of a codes directory occurs twice."""
    spark = session_of(engine, "index.check_ids=true")
    pieces = [piece for chunk in chunks for piece in chunk]

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                for ids in codes_directory.id_batches(pieces[number]):
                    yield pa.RecordBatch.from_pydict({"id": ids})

    frame = spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(read, "id long")
    repeated = frame.groupBy("id").count().where("count > 1").select("id").limit(NAMED_IDS)
    twice = wait_for(spark, repeated.collect)
    if twice:
        named = ", ".join(str(row.id) for row in twice)
        raise InvalidInputError(f"{source}: ids occur more than once, such as {named}; give every item its own id")
