"""The values of a pipeline: those of a YAML file, of further files over them, and of single options over all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hashcore.errors import ConfigError, one_line
from jobs.config import yaml_text

SCALARS = ("name", "root", "engine")  # what a pipeline's file says outside of sections


def read(path: str | Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; a section that says nothing is as one that is not there."""
    try:
        values = yaml_text.parse(Path(path).read_text(encoding="utf-8"))
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); give a pipeline file such as conf/demo.yaml") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {one_line(error, None)}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping; start it with `name: ...` and one section per job")
    return {key: value for key, value in values.items() if value is not None or key in SCALARS}


def merge(values: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Return a nested mapping with the values of another one in place of its own."""
    merged = dict(values)
    for key, value in others.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
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
    if not text.strip():
        raise ConfigError(f"--set {override}: there is no value; give one, or null, or leave the option out")
    try:
        values[last] = yaml_text.parse(text)
    except ConfigError as error:
        raise ConfigError(f"--set {override}: {error}") from None
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: the value is not YAML; quote it, as in --set name='\"a: b\"'") from None
