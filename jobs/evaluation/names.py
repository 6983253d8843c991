"""Names that queries, items and labels have outside of an index: keys and words in place of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import Ids, shown, to_column
from jobs.evaluation.metrics import Example, Shown

if TYPE_CHECKING:
    from indexer import Index


@dataclass(frozen=True)
class Asked:
    """Queries by their own names.

    Attributes:
        given: Their ids, numbers or keys.
        ids: What they are to the index, int64, shape (q,).
        are_alike: Whether they are of the type of the items' ids, so that a query can be an item.
        words: Names of labels, those of the index first; None where labels are numbers.
    """

    given: Ids
    ids: NDArray[np.int64]
    are_alike: bool
    words: tuple[str, ...] | None

    @staticmethod
    def of(given: Ids, index: Index, words: tuple[str, ...] | None) -> Asked:
        """Return the names of queries with some ids; `words` names labels."""
        import indexer

        spec = index.key_spec
        if isinstance(given, np.ndarray):
            ids, kind = given, None
        else:
            own = indexer.KeySpec.of(given, 0 if spec is None else spec.seed)
            ids, kind = indexer.key_ids(given, own), own.type
        return Asked(given, ids, kind == (spec and spec.type), words)


def named(examples: Sequence[Example], index: Index, asked: Asked) -> list[Example]:
    """Return examples with the names of queries, items and labels in place of their numbers."""
    items = np.unique(np.array([shown.id for example in examples for shown in example.neighbors], np.int64))
    keys = dict(zip(items.tolist(), map(shown, index.keys(items).to_pylist()), strict=True))
    classes = dict(zip(items.tolist(), _classes(index, items, asked.words), strict=True))
    wanted = np.isin(asked.ids, [example.id for example in examples])
    given = to_column(asked.given).filter(wanted).to_pylist()
    queries = dict(zip(asked.ids[wanted].tolist(), map(shown, given), strict=True))

    def word(label: int | str) -> int | str:
        return label if asked.words is None else asked.words[int(label)]

    def renamed(neighbor: Shown) -> Shown:
        label = neighbor.label if asked.words is None else classes[neighbor.id]
        return neighbor.model_copy(update={"id": keys[neighbor.id], "label": label})

    return [
        example.model_copy(
            update={
                "id": queries[example.id],
                "labels": [word(label) for label in example.labels],
                "neighbors": [renamed(neighbor) for neighbor in example.neighbors],
            }
        )
        for example in examples
    ]


def _classes(index: Index, items: NDArray[np.int64], words: Sequence[str] | None) -> list[str]:
    """Return the name of the first label of each item, empty where it has none, or labels have no names."""
    labels = index.labels_of(items)
    if words is None or labels is None:
        return [""] * len(items)
    return [words[own[0]] if len(own) else "" for own in map(labels.of, range(len(items)))]
