"""One YAML file describes one pipeline: a section per job, each modelled beside the job that consumes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.spec import Spec
from hashcore.storage.places import place
from jobs.config.errors import describe
from jobs.config.fingerprint import digest, value_at
from jobs.config.paths import Paths
from jobs.config.reading import merge, read, set_value
from jobs.config.sections.corpus import CorpusConfig
from jobs.config.sections.encode import EncodeConfig
from jobs.config.sections.evaluate import EvaluateConfig
from jobs.config.sections.generations import AppendConfig, CompactConfig, DeleteConfig, VacuumConfig, VerifyConfig
from jobs.config.sections.hasher import HasherConfig
from jobs.config.sections.importing import ImportConfig
from jobs.config.sections.index import IndexConfig
from jobs.config.sections.report import ReportConfig
from jobs.config.sections.search import SearchConfig
from jobs.config.sections.spark import SparkConfig
from jobs.config.sections.train import TrainConfig

EngineName = Literal["auto", "process", "spark"]


class Pipeline(Spec):
    """Everything that one run needs to know, resolved: what the file left out holds its default."""

    model_config = ConfigDict(populate_by_name=True)  # so that what `model_dump` gives is a pipeline again

    name: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")
    """Short name; part of the default root."""
    root: Annotated[str, AfterValidator(place)]
    """Directory below which every output lies; `runs/<name>` by default."""
    engine: EngineName = "auto"
    """Who runs the tasks of the stages, with the same outputs: `process`, without Java; `spark`; or `auto`, `process`
    for small jobs and `spark` for others, and wherever a job was brought to a Spark."""
    paths: Paths
    """Places of the outputs; one given here replaces the one below the root."""
    corpus: CorpusConfig = CorpusConfig()
    train: TrainConfig = TrainConfig()
    hasher: HasherConfig = HasherConfig()
    encode: EncodeConfig = EncodeConfig()
    import_: ImportConfig = Field(default=ImportConfig(), alias="import")
    index: IndexConfig = IndexConfig()
    search: SearchConfig = SearchConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()
    append: AppendConfig = AppendConfig()
    delete: DeleteConfig = DeleteConfig()
    compact: CompactConfig = CompactConfig()
    vacuum: VacuumConfig = VacuumConfig()
    verify: VerifyConfig = VerifyConfig()
    spark: SparkConfig = SparkConfig()

    @model_validator(mode="before")
    @classmethod
    def _fill_paths(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Place every path that was not given below the root."""
        root, paths = values.get("root", f"runs/{values.get('name', '')}"), values.get("paths", {})
        if isinstance(paths, dict):  # anything else is refused with the other fields
            paths = {**Paths.below(root if _is_place(root) else "."), **paths}
        return {**values, "root": root, "paths": paths}

    @field_validator("root", mode="before")
    @classmethod
    def _no_null(cls, root: Any) -> Any:
        """Refuse null, as `~` alone is in YAML."""
        if root is None:
            raise ValueError("there is no folder; write ~/ for your home, or leave root out for runs/<name>")
        return root

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return all values under the keys of a pipeline's file, so that they make the pipeline again."""
        return super().model_dump(**{"by_alias": True, **options})

    def of_current_generation(self) -> Pipeline:
        """Return the pipeline with the number of the index's current generation in the paths that ask for it."""
        if not self.paths.name_generation():
            return self
        import indexer

        generation = indexer.open(self.paths.index).generation
        return self.model_copy(update={"paths": self.paths.of_generation(generation)})

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the values under the names that a file gives them: `import`, which Python cannot call a field."""
        return super().model_dump(**{"by_alias": True, **options})

    def allowed(self) -> tuple[str, ...]:
        """Return the modules whose networks a hasher may hold: those of `hasher.allow`, and those it trains itself."""
        return (*self.hasher.allow, *self.train.modules())

    def fingerprint(self, *names: str) -> str:
        """Return 16 hexadecimal digits that change with any value of the named sections or keys (`section.key`)."""
        values = self.model_dump(mode="json")
        return digest({name: value_at(values, name) for name in names})


def _is_place(root: Any) -> bool:
    """Return whether a root is a place, or else is refused by itself."""
    try:
        return bool(place(root))
    except InvalidInputError:
        return False


def load(path: str | Path, overrides: Sequence[str] = (), also: Sequence[str | Path] = ()) -> Pipeline:
    """Read a pipeline from a YAML file.

    Args:
        path: The file.
        overrides: Values to set over those of the files, each `section.key=value` with a YAML value.
        also: Files whose values replace those of the ones before, such as where a training runs.

    Raises:
        ConfigError: If the file cannot be read, a key is unknown, or a value does not fit.
    """
    values = read(path)
    for other in also:
        values = merge(values, read(other))
    return resolve(values, overrides, " with ".join(map(str, (path, *also))))


def resolve(values: dict[str, Any], overrides: Sequence[str], source: str) -> Pipeline:
    """Return the pipeline of some values, with others set over them; errors name where the values are from.

    Raises:
        ConfigError: If a key is unknown, or a value does not fit.
    """
    for override in overrides:
        set_value(values, override)
    try:
        return Pipeline.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: {describe(error, Pipeline)}") from None
