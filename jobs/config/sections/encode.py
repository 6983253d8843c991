"""The section `encode`: how the items of a corpus become codes."""

from __future__ import annotations

from pydantic import Field

from hashcore.spec import Spec
from jobs.config.paths import Place


class PartConfig(Spec):
    """Settings of one part of the corpus."""

    modality: str | None = None
    """The hasher's modality that reads its items; none means `encode.modality`."""
    column: str | None = None
    """Column that holds them; none means `encode.column`, or with a modality of its own, that it is named like it."""
    labelled: bool = True
    """Whether it has the column `corpus.labels`, where that is not none."""


class EncodeConfig(Spec):
    """Encoding: from items to codes."""

    modality: str = "image"
    """The hasher's modality that reads the items."""
    column: str | None = None
    """Column that holds them; none means that it is named like the modality."""
    database: PartConfig = PartConfig()
    """What the database has of its own, such as `{modality: text}` where images are sought among texts."""
    queries: PartConfig = PartConfig()
    """What the queries have of their own, such as `{labelled: false}`."""
    batch_rows: int = Field(default=4096, ge=1)
    """Rows that pass the network at once; bounds the memory of a task."""
    rows_per_group: int = Field(default=1 << 17, ge=1)
    """Rows of a row group of the codes files."""
    files_per_step: int = Field(default=1024, ge=1)
    """Files of the corpus that are encoded as one Spark job; a killed run goes on after the last step it finished."""
    gpus: float = Field(default=0, ge=0, le=1)
    """GPU that each task takes: 0.25 lets four tasks share one. Spark must have been told of its GPUs."""
    only_ids: Place | None = None
    """Parquet of ids: of the database only their rows are encoded, and no queries; with `rejected/` of an earlier run,
    once its rows are mended, into a directory of their own that can be appended."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of bad rows beyond which the job fails."""

    def part(self, name: str) -> PartConfig:
        """Return what the part `database` or `queries` has of its own."""
        return self.queries if name == "queries" else self.database

    def modality_of(self, name: str) -> str:
        """Return the hasher's modality that reads a part."""
        return self.part(name).modality or self.modality

    def column_of(self, name: str) -> str:
        """Return the column of a part's items."""
        own = self.part(name)
        return own.column or (None if own.modality else self.column) or self.modality_of(name)

    def key_of(self, name: str, key: str) -> str:
        """Return the key of the configuration that says a part's `modality` or `column`."""
        own = self.part(name)
        said_here = getattr(own, key) is not None or (key == "column" and own.modality is not None)
        return f"encode.{name}.{key}" if said_here else f"encode.{key}"
