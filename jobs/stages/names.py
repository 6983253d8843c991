"""Names of labels of two sources: those of an index first, then what others add; numbers of labels follow them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hashcore.errors import InvalidInputError
from hashcore.labels import Labels


class Names(NamedTuple):
    """Names of labels, label i being called words[i].

    Attributes:
        words: Of an index and of what is held against it; None where labels are numbers.
        places: Of each name that the other source has, among the words; None where labels are numbers.
    """

    words: tuple[str, ...] | None
    places: tuple[int, ...] | None

    @staticmethod
    def of(known: Sequence[str] | None, other: Sequence[str] | None, source: str) -> Names:
        """Return the names of an index and of another source of labels.

        Raises:
            InvalidInputError: If labels are names here and numbers there.

        >>> Names.of(("cat", "dog"), ("ant", "dog"), "codes")
        Names(words=('cat', 'dog', 'ant'), places=(2, 1))
        """
        if (known is None) != (other is None):
            here, there = ("names", "numbers") if other is not None else ("numbers", "names")
            raise InvalidInputError(
                f"{source} has labels that are {here}, the index labels that are {there}; encode both of one kind"
            )
        if known is None or other is None:
            return Names(None, None)
        words = (*known, *sorted({*other} - {*known}))
        numbers = {word: number for number, word in enumerate(words)}
        return Names(words, tuple(numbers[word] for word in other))

    def renumbered(self, labels: Labels) -> Labels:
        """Return labels of the other source, n rows, by the places of their names among the words."""
        if self.places is None:
            return labels
        return Labels(labels.offsets, np.array(self.places, np.int32)[labels.values])
