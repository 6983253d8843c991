"""One output of a verb, from what decides it to the line that tells it: what all verbs do that write an output once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from jobs.config.pipeline import Pipeline
from jobs.engine.choice import Size, engine_of
from jobs.engine.tasks import Engine
from jobs.stages import outputs, records
from jobs.stages.records import Record
from jobs.telemetry import run_notes


class Stage(NamedTuple):
    """An output that a verb makes.

    Attributes:
        pipeline: The whole configuration.
        name: The verb, and the part where it makes several outputs.
        path: Place of the output.
        record: What makes it.
    """

    pipeline: Pipeline
    name: str
    path: str
    record: Record

    @staticmethod
    def of(pipeline: Pipeline, name: str, path: str, decisive: Sequence[str], inputs: Mapping[str, str]) -> Stage:
        """Return the stage that `decisive` keys of the configuration and inputs of these fingerprints decide."""
        return Stage(pipeline, name, path, records.record(pipeline, name, decisive, inputs))

    def is_finished(self) -> bool:
        """Return whether the output is there.

        Raises:
            OutputError: If its place holds anything else.
        """
        return outputs.is_finished(self.path, self.record)

    def is_done(self) -> bool:
        """Return whether the output is there, and say so; errors as of `is_finished`."""
        return self.is_finished() and self.done_before()

    def done_before(self) -> bool:
        """Say that the output was there, and return True."""
        print(f"{self.name}: done before -> {self.path}")
        return True

    def engine(self, size: Size, projected_bytes: int = 0, remedy: str = "", *, spark_for: str | None = None) -> Engine:
        """Return who runs the tasks; arguments and errors as of `engine_of`."""
        return engine_of(self.pipeline, self.name, projected_bytes, remedy, size=size, spark_for=spark_for)

    def writing(self, *, resumes: bool = False) -> AbstractContextManager[str]:
        """Give the place to write to, as `outputs.writing` does."""
        return outputs.writing(self.path, self.record, resumes=resumes)

    def done(self, said: str, rows: int = 0, rejected: int = 0) -> None:
        """Count the rows and print the line of the stage."""
        run_notes.count(rows=rows, rejected=rejected)
        print(f"{self.name}: {said} -> {self.path}")
