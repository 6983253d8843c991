"""A row of a paper's table as configuration: on which data, learned how, and the figures that the paper prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from hashcore.classical.spec import Method
from hashcore.errors import ConfigError
from hashcore.evaluation.measure import Measure, parse_as
from hashcore.spec import Spec
from hashcore.training.config import TrainingConfig
from jobs.research.papers.splits import SplitSpec

Source = Literal["cifar10", "mnist", "wiki", "wiki-roph"]
Bits = Annotated[int, Field(ge=0)]


class Data(Spec):
    """The items of a row, their views, and the division into database and queries."""

    source: Source
    """A standard set in $HASHCORE_DATA."""
    views: tuple[str, ...] = Field(min_length=1)
    """pixels, gist, gist512 or hog; of wiki image and text. Each is a modality of the hasher."""
    unit_length: bool = True
    """Centre every view on the mean of the items that are no queries, and scale each item to length 1."""
    split: SplitSpec
    """Who is learned from, searched, and asked."""


class Learning(TrainingConfig):
    """Learning of the codes: a network by the keys of `train`, a classical hash, or nothing."""

    method: Literal["network", "raw"] | Method = "network"
    """`raw` compares the items themselves by Euclidean distance, `cca` its projections of two views."""

    def training(self) -> TrainingConfig:
        """Return how a network is trained."""
        return TrainingConfig.model_validate(self.model_dump(include=set(TrainingConfig.model_fields)))


class Figure(Spec):
    """A measure in the paper's table, for each code length."""

    measure: str = "mAP"
    """As in `evaluate.measures`, or `distinct codes`, `neighbors(r<=d)`, `F1 of means(r<=d)`, `kNN error@k`,
    `AH kNN error@k`."""
    queries: str | None = None
    """View of the queries, where there are several."""
    database: str | None = None
    """View of the database."""
    paper: dict[Bits, float]
    """What the paper prints by bits, 0 where there are none; shares as shares: 0.162 for 16.2 %."""

    @field_validator("measure")
    @classmethod
    def _measure_parses(cls, text: str) -> str:
        """Refuse what is no measure."""
        parse_as(Measure, text)
        return text


class Row(Spec):
    """A row of a table."""

    paper: str
    """Name of the paper's text, such as dnnh."""
    table: str
    """Its table."""
    row: str
    """The method as the table calls it; what sets rows of one name apart stands behind a comma."""
    data: Data
    learn: Learning = Learning()
    by_bits: dict[Bits, dict[str, Any]] = Field(default_factory=dict)
    """Keys of `learn` that are different for a code length."""
    figures: tuple[Figure, ...] = Field(min_length=1)
    not_run: str | None = None
    """Why the row was not run; none runs it."""
    remark: str = ""
    """What to know when comparing, above all where ours falls short."""

    @model_validator(mode="after")
    def _views_are_there(self) -> Row:
        """Refuse a figure that asks for a view which the data lacks."""
        for name in {name for figure in self.figures for name in (figure.queries, figure.database)} - {None}:
            if name not in self.data.views:
                raise ValueError(f"figures: view {name} is none of data.views, {', '.join(self.data.views)}")
        return self

    def lengths(self) -> list[int]:
        """Return the bits that any figure is printed for, ascending."""
        return sorted({bits for figure in self.figures for bits in figure.paper})

    def learning(self, bits: int) -> Learning:
        """Return how codes of a length are learned: a ternary code of m dimensions has 2 m bits.

        Raises:
            ConfigError: If the keys for this length do not fit.
        """
        changes = self.by_bits.get(bits, {})
        code_length = 2 * bits if self.learn.kind == "ternary" else bits
        try:
            return Learning.model_validate({**self.learn.model_dump(), **changes, "code_length": code_length})
        except ValidationError as error:
            raise ConfigError(f"by_bits.{bits}: {error.errors()[0]['msg']}") from None


def load(path: str, overrides: Sequence[str] = ()) -> Row:
    """Read a row from a YAML file.

    Args:
        path: The file, such as conf/papers/dnnh-cifar10-itq.yaml.
        overrides: Values over those of the file, each `learn.seed=1`.

    Raises:
        ConfigError: If the file cannot be read, or is no row.
    """
    from jobs.config.reading import read, set_value

    values = read(path)
    for each in overrides:
        set_value(values, each)
    try:
        return Row.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "row"
        raise ConfigError(f"{path}: {key}: {first['msg'].removeprefix('Value error, ')}") from None


def files(folder: Path) -> list[Path]:
    """Return the rows' files in a folder, by name."""
    return sorted(folder.glob("*.yaml"))
