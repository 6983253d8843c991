"""Errors of a pipeline file, in one line: key, value, values allowed, and the key perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

QUOTED = re.compile(r"'([^']*)'")
NO_SECTION = ("model_type", "model_attributes_type", "dict_type")  # as pydantic names what should be a mapping
SHAPES = {"tuple_type": "give a list, as in [a, b]", "list_type": "give a list, as in [a, b]"}


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem of a file, and the names of other keys that have problems.

    Args:
        error: What the model raised.
        model: Of the whole file.
    """
    problems: dict[str, list[ErrorDetails]] = {}
    for problem in error.errors():
        problems.setdefault(_key(problem, model), []).append(problem)
    first = next(iter(problems))
    others = [key for key in problems if not first.startswith(key)]
    more = f" (and there are problems with {', '.join(others)})" if others else ""
    return _said(first, problems[first], model) + more


def _key(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Return the dotted name of the value that a problem is with, without the kinds that it was tried as."""
    parts: list[str] = []
    for place, part in enumerate(problem["loc"]):
        is_last = place == len(problem["loc"]) - 1
        if isinstance(part, int) or part in _keys(model, parts) or (is_last and problem["type"] == "extra_forbidden"):
            parts.append(str(part))
    return ".".join(parts) or "pipeline"


def _said(key: str, problems: Sequence[ErrorDetails], model: type[BaseModel]) -> str:
    """Return what is wrong with one value, which may have been tried as several kinds."""
    first = problems[0]
    if first["type"] == "extra_forbidden":
        known = sorted(_keys(model, [str(part) for part in first["loc"][:-1]]))
        section, _, last = key.rpartition(".")
        return f"unknown key {key}; valid keys of {section or 'a pipeline'}: {', '.join(known)}{_meant(last, known)}"
    if first["type"] == "invalid_key":
        return f"the key {key} is no text; quote it, or correct it"
    given: Any = first["input"]
    if first["type"] in NO_SECTION:
        return f"{key}={given!r} is no section; give its keys indented below it, or leave it out"
    choices = [choice for problem in problems for choice in _choices(problem)]
    if choices:
        tried = given.get("name") if isinstance(given, dict) else given
        return f"{key}={tried!r} is unknown; use one of {', '.join(choices)}{_meant(str(tried), choices)}"
    said = SHAPES.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{key}: {said}" if isinstance(given, dict) else f"{key}={given!r}: {said}"


def _choices(problem: ErrorDetails) -> list[str]:
    """Return the values that a choice allows; none where it is no choice."""
    context = problem.get("ctx", {})
    return QUOTED.findall(str(context.get("expected", context.get("expected_tags", ""))))


def _meant(given: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names as a question, where one is near."""
    near = get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _keys(model: type[BaseModel], location: Sequence[str]) -> set[str]:
    """Return the keys of the models at a location; tags of unions stand in a location but name no field."""
    models = {model}
    for part in location:
        found = [field for held in models for name, field in _fields(held) if name == part]
        inner = {model for field in found for model in _models(field.annotation)}
        models = inner or {m for m in models if part in _tags(m)} or models
    return {name for held in models for name, _ in _fields(held)}


def _fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Return the fields of a model by their names in a file."""
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _models(annotation: Any) -> set[type[BaseModel]]:
    """Return the models within an annotation such as `Linear | Mlp | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for argument in get_args(annotation) for model in _models(argument)}


def _tags(model: type[BaseModel]) -> set[str]:
    """Return what may name a model as a member of a union: its class, or a literal value of a field."""
    return {model.__name__, *(str(tag) for field in model.model_fields.values() for tag in get_args(field.annotation))}
