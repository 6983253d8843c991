"""The section `search`: what is asked of the index."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hashcore.spec import Spec

Shape = Literal["pairs", "lists"]
Format = Literal["parquet", "csv", "json"]


class SearchConfig(Spec):
    """The question to the index: all neighbors within a radius, or the k nearest."""

    k: int | None = None
    """Nearest neighbors of each query."""
    radius: int | None = None
    """All neighbors within this many bits."""
    key: str | None = None
    """Key of an item of the index, whose neighbors are printed, without itself; no query set is read then."""
    query: str | None = None
    """An image, a vector (.npy), or a code in hexadecimal digits, whose neighbors are printed; as with `key`."""
    shape: Shape = "pairs"
    """`pairs`: a row a neighbor (query_id, id, distance); `lists`: a row a query, with lists of ids and distances."""
    labels: bool = False
    """Whether the labels of each neighbor are written beside it."""
    columns: tuple[str, ...] = ()
    """Columns of the database's corpus that are written beside each neighbor, such as [caption]."""
    format: Format = "parquet"
    """Format of the files: parquet, or for small results csv or json, a line a row."""
    queries_per_task: int = Field(default=1 << 14, ge=1)
    """Queries that a task answers at once; bounds the memory its answers take."""

    @model_validator(mode="after")
    def _one_question(self) -> SearchConfig:
        """Refuse k and a radius at once."""
        if self.k is not None and self.radius is not None:
            raise ValueError("k and radius are both given; take one back, as in --set search.k=null")
        if self.key is not None and self.query is not None:
            raise ValueError("key and query are both given; ask one of them")
        return self
