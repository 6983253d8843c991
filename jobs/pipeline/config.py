"""One YAML file describes one pipeline: a section per job, each modelled beside the job that consumes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from hashcore.errors import ConfigError
from jobs.corpora.corpus import CorpusConfig
from jobs.encode import EncodeConfig, HasherConfig
from jobs.evaluate import EvaluateConfig
from jobs.generations.spec import AppendConfig, CompactConfig, DeleteConfig, VacuumConfig, VerifyConfig
from jobs.index import IndexConfig
from jobs.pipeline.config_errors import describe
from jobs.pipeline.digest import digest
from jobs.pipeline.paths import Paths
from jobs.pipeline.section import Section
from jobs.pipeline.spark import SparkConfig
from jobs.report import ReportConfig
from jobs.search import SearchConfig
from jobs.train import TrainConfig


class Pipeline(Section):
    """Everything that one run needs to know, resolved: what the file left out holds its default."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    """Short name; part of the default root."""
    root: str
    """Directory below which every output lies; `runs/<name>` by default."""
    paths: Paths
    """Places of the outputs; one given here replaces the one below the root."""
    corpus: CorpusConfig = CorpusConfig()
    train: TrainConfig = TrainConfig()
    hasher: HasherConfig = HasherConfig()
    encode: EncodeConfig = EncodeConfig()
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
        root = str(values.get("root") or f"runs/{values.get('name', '')}")
        return {**values, "root": root, "paths": {**Paths.below(root), **(values.get("paths") or {})}}

    def of_current_generation(self) -> Pipeline:
        """Return the pipeline with the number of the index's current generation in the paths that ask for it."""
        if not self.paths.name_generation():
            return self
        import indexer

        generation = indexer.open(self.paths.index).generation
        return self.model_copy(update={"paths": self.paths.of_generation(generation)})

    def allowed(self) -> tuple[str, ...]:
        """Return the modules whose networks a hasher may hold: those of `hasher.allow`, and those it trains itself."""
        return (*self.hasher.allow, *self.train.modules())

    def fingerprint(self, *sections: str) -> str:
        """Return 16 hexadecimal digits that change with any value of the named sections."""
        return digest(self.model_dump(mode="json", include=set(sections)))


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
        values = _merge(values, read(other))
    for override in overrides:
        set_value(values, override)
    try:
        return Pipeline.model_validate(values)
    except ValidationError as error:
        files = " with ".join(map(str, (path, *also)))
        raise ConfigError(f"{files}: {describe(error, Pipeline)}") from None


def read(path: str | Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); give a pipeline file such as conf/demo.yaml") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping; start it with `name: ...` and one section per job")
    return values


def _merge(values: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Return a nested mapping with the values of another one in place of its own."""
    merged = dict(values)
    for key, value in others.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def set_value(values: dict[str, Any], override: str) -> None:
    """Set one `a.b=c` in a nested mapping."""
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError(f"--set {override}: give section.key=value, as in --set search.k=20")
    *sections, last = key.split(".")
    for section in sections:
        inner = values.get(section)
        values[section] = dict(inner) if isinstance(inner, dict) else {}
        values = values[section]
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: the value is not YAML; quote it, as in --set name='\"a: b\"'") from None
