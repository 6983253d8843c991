"""A 16-digit fingerprint of any JSON value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits that change with any part of a JSON-able value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def value_at(values: Mapping[str, Any], name: str) -> Any:
    """Return the value of a dotted name in nested mappings, None where there is none.

    >>> value_at({"corpus": {"id": "key"}}, "corpus.id")
    'key'
    """
    found: Any = values
    for key in name.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
