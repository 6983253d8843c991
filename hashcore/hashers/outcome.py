"""The outcome of a training: distinct codes, bits that never change, and how well codes order similar items.

The figures need no setting by data set: chance orders a similar and a dissimilar item rightly half of the time, and as
many distinct items as there are could have as many distinct codes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hashcore import hamming
from hashcore.codes import Codes, check_code_length, check_codes, unpack
from hashcore.errors import InvalidInputError
from hashcore.evaluation.ties import Floats
from hashcore.labels import Labels
from hashcore.spec import Spec

FEW = 0.05  # share of the codes that there could be
NO_ORDER = 0.55  # of similar items before dissimilar ones, where chance gives 0.5


class Outcome(Spec):
    """Figures of the codes of some items; of several modalities those of the worst."""

    items: int = Field(ge=0)
    """Items that were looked at."""
    distinct_items: int
    """Different ones among them."""
    distinct_codes: int
    """Different codes among theirs."""
    constant_bits: int
    """Bits that are the same in every code."""
    code_length: int
    """Bits of a code."""
    labels: int | None = None
    """Different labels among the items; none where none are known."""
    ordered: float | None = None
    """Share of comparisons in which a similar item is nearer than a dissimilar one, an equal distance counted half; of
    two modalities from the first to the last. None without labels, or where all items are alike."""

    @property
    def has_few_codes(self) -> bool:
        """True where distinct codes are at most a twentieth of what they could be, or one for all."""
        most = min(self.distinct_items, 2**self.code_length)
        return self.distinct_items > 1 and self.distinct_codes <= max(1.0, FEW * most)

    @property
    def is_collapsed(self) -> bool:
        """True where codes tell next to nothing apart.

        Few codes alone are no failure: a hasher that has learned ten classes perfectly may give ten. So labels decide
        where they are known: fewer codes than labels, or no better order than chance. Where none are, some bits must
        be constant, too.
        """
        if not self.has_few_codes:
            return False
        if self.labels is None:
            return self.constant_bits > 0
        return self.distinct_codes < self.labels or (self.ordered is not None and self.ordered < NO_ORDER)

    def told(self) -> str:
        """Return the figures in a line."""
        text = (
            f"{self.distinct_codes:,} distinct codes of {self.distinct_items:,} distinct items, "
            f"{self.constant_bits} of {self.code_length} bits constant"
        )
        return (
            text
            if self.ordered is None
            else f"{text}, a similar item nearer in {self.ordered:.1%} of comparisons (chance: 50 %)"
        )


def measure(
    codes: Mapping[str, Codes], distinct_items: Mapping[str, int], code_length: int, labels: Labels | None
) -> Outcome:
    """Return the outcome of a hasher by the codes of n items.

    Args:
        codes: In each modality uint8, shape (n, bytes).
        distinct_items: Number of different ones among the n items, in each modality.
        code_length: Bits of a code.
        labels: Of the n items, if they are known.

    Raises:
        InvalidInputError: If codes and labels are not of equally many items, or the codes are none of that length.
    """
    if not codes or codes.keys() != distinct_items.keys():
        raise InvalidInputError("codes and distinct_items are of other modalities; give both of each, and one at least")
    code_length = check_code_length(code_length)
    codes = {name: check_codes(each, code_length, name) for name, each in codes.items()}
    sides = list(codes.values())
    worst = min(codes, key=lambda name: len(np.unique(codes[name], axis=0)) / max(distinct_items[name], 1))
    return Outcome(
        items=len(sides[0]),
        distinct_items=distinct_items[worst],
        distinct_codes=len(np.unique(codes[worst], axis=0)),
        constant_bits=max(map(_constant_bits, sides, [code_length] * len(sides))),
        code_length=code_length,
        labels=None if labels is None else len(labels.vocabulary()),
        ordered=None if labels is None else ordered(sides[-1], sides[0], code_length, labels),
    )


def _constant_bits(codes: Codes, code_length: int) -> int:
    """Return the number of bits that are the same in every code."""
    ones = np.zeros(code_length, np.int64)
    for start in range(0, len(codes), 1 << 12):
        ones += unpack(codes[start : start + (1 << 12)], code_length).sum(axis=0, dtype=np.int64)
    return int(((ones == 0) | (ones == len(codes))).sum())


def ordered(database: Codes, queries: Codes, code_length: int, labels: Labels) -> float | None:
    """Return the share of comparisons in which a similar item is nearer to a query than a dissimilar one.

    Args:
        database: Codes of n items, uint8 of shape (n, bytes).
        queries: Codes of the same items in the same order, uint8 of shape (n, bytes), perhaps in another modality; none
            is compared with itself.
        code_length: Bits of a code.
        labels: Of the items.

    Returns:
        The mean over queries, an equal distance counted half; None if no query has both kinds.

    Raises:
        InvalidInputError: If codes and labels are not of equally many items, or the codes are none of that length.
    """
    code_length = check_code_length(code_length)
    database, queries = check_codes(database, code_length, "database"), check_codes(queries, code_length, "queries")
    if not len(database) == len(queries) == len(labels):
        raise InvalidInputError(
            f"{len(database)} codes, {len(queries)} queries and {len(labels)} rows of labels; give all of the same "
            "items"
        )
    if not len(queries) or not len(labels.values):
        return None
    masks = labels.to_masks(labels.vocabulary())
    every, similar = hamming.relevance_counts(
        *hamming.words_of(database, queries, code_length), code_length, masks, masks
    )
    own = np.bitwise_count(database ^ queries).sum(axis=1, dtype=np.int64)
    rows = np.arange(len(queries))
    every[rows, own] -= 1
    similar[rows, own] -= labels.counts() > 0
    shares = _shares(every - similar, similar)
    return float(shares.mean()) if len(shares) else None


def _shares(other: NDArray[np.int64], similar: NDArray[np.int64]) -> Floats:
    """Return for each query that has both kinds the share of pairs in the right order."""
    beyond = other.sum(axis=1, keepdims=True) - np.cumsum(other, axis=1)
    right = (similar * (beyond + 0.5 * other)).sum(axis=1)
    pairs = similar.sum(axis=1) * other.sum(axis=1)
    return np.asarray(right[pairs > 0] / pairs[pairs > 0])
