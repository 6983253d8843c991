"""The base of small frozen values that describe a part of a hasher or of its training, and travel as JSON or YAML."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from hashcore.errors import brief


class Spec(BaseModel):
    """A frozen value that refuses keys it does not know; the line of text under a field is its description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_as_number(cls, values: Any) -> Any:
        """Refuse true and false where a number is meant, which Python takes for 1 and 0."""
        for name, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(name)
            if field is not None and _holds_bool(value) and not _mentions_bool(field.annotation):
                raise ValueError(
                    f"{name}={brief(value).lower()}: neither true nor false fits here; give a number or a text"
                )
        return values


def members(union: Any) -> tuple[type[Any], ...]:
    """Return the specs of a union that a field of theirs tells apart, in their order."""
    specs: tuple[type[Any], ...] = get_args(get_args(union)[0])
    return specs


def _holds_bool(value: Any) -> bool:
    """Return whether a value is a bool, or a list of which one is."""
    return isinstance(value, bool) or (isinstance(value, list | tuple) and any(map(_holds_bool, value)))


def _mentions_bool(annotation: Any) -> bool:
    """Return whether a type allows a bool."""
    return annotation in (bool, Any) or any(map(_mentions_bool, get_args(annotation)))
