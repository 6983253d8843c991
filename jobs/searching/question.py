"""The question of a search, held against the index and the queries before any of them is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashcore.errors import InvalidInputError
from jobs.config.sections.search import SearchConfig
from jobs.stages.codes_directory import CodesInfo

if TYPE_CHECKING:
    from indexer import Index


def check_question(config: SearchConfig, index: Index, info: CodesInfo, source: str) -> None:
    """Raise InvalidInputError unless the index can answer the question to these queries."""
    if config.k is None and config.radius is None:
        raise InvalidInputError("neither search.k nor search.radius is given; set one, as in --set search.k=10")
    if info.code_length != index.code_length:
        raise InvalidInputError(
            f"{source} holds codes of {info.code_length} bits but the index holds {index.code_length}; "
            "encode the queries with the hasher that encoded the database"
        )
    made = index.manifest.hasher_fingerprint
    if made is not None and info.hasher_fingerprint != made:
        raise InvalidInputError(
            f"{source} was encoded by hasher {info.hasher_fingerprint} but the index by {made}; use one for both"
        )
    if config.k is not None and not 1 <= config.k <= len(index):
        raise InvalidInputError(f"k={config.k}: the index holds {len(index)} codes; use 1 <= k <= {len(index)}")
    if config.radius is not None and not 0 <= config.radius <= index.code_length:
        raise InvalidInputError(
            f"radius={config.radius}: codes have {index.code_length} bits; use 0 <= radius <= {index.code_length}"
        )
