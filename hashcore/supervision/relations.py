"""Relations among the rows of a batch, who is similar to whom, and the signature of a loss that reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

SIMILAR, UNKNOWN, DISSIMILAR = 1, 0, -1


class Triplets(NamedTuple):
    """t triplets (x, x⁺, x⁻) among the n rows of a batch; x is more similar to x⁺ than to x⁻.

    Attributes:
        anchors: int64, shape (t,); row number of x.
        positives: int64, shape (t,); row number of x⁺.
        negatives: int64, shape (t,); row number of x⁻.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor

    def keep(self, mask: Tensor) -> Triplets:
        """Return the triplets that a bool mask of shape (t,) selects."""
        return Triplets(self.anchors[mask], self.positives[mask], self.negatives[mask])


class Relations(NamedTuple):
    """Similarities among the n rows of a batch; a loss reads the triplets or the pairs, as its paper does.

    Attributes:
        triplets: Rankings; a hinge on pairs takes (x, x⁺) for a similar and (x, x⁻) for a dissimilar pair.
        similarity: Y of DeepHash eq. 1, int8 of shape (n, n): 1 similar, −1 dissimilar, 0 unknown.
    """

    triplets: Triplets
    similarity: Tensor

    def within(self) -> Relations:
        """Return the relations without the pairs of a row and itself, which say nothing within one modality."""
        return self._replace(similarity=self.similarity.clone().fill_diagonal_(UNKNOWN))

    def pairs(self) -> tuple[Pair, Pair]:
        """Return similar pairs and dissimilar ones: those of the triplets, or all known ones where there are none."""
        anchors, positives, negatives = self.triplets
        if len(anchors):
            return (anchors, positives), (anchors, negatives)
        similar, dissimilar = (torch.nonzero(self.similarity == kind).unbind(1) for kind in (SIMILAR, DISSIMILAR))
        return (similar[0], similar[1]), (dissimilar[0], dissimilar[1])

    def balanced(self, similar: Tensor, dissimilar: Tensor) -> Tensor:
        """Return the mean over pairs, of which half are similar and half dissimilar; a half without pairs counts 0.

        Args:
            similar: Cost of each pair if it is similar, shape (n, n).
            dissimilar: Cost of each pair if it is dissimilar, shape (n, n).
        """
        return (mean(similar[self.similarity == SIMILAR]) + mean(dissimilar[self.similarity == DISSIMILAR])) / 2


def mean(values: Tensor) -> Tensor:
    """Return the mean of values of any shape, a scalar; 0 if there are none."""
    return values.sum() / max(1, values.numel())


Pair = tuple[Tensor, Tensor]
"""Row numbers of the first members of pairs, and of the second ones."""

Loss = Callable[[Tensor, Tensor, Relations], Tensor]
"""Takes projections f and g of the same n rows, shape (n, q) each, and the relations of the rows; returns a scalar.

The first member of a pair or triplet is looked up in f, the others in g. Within one modality g is f; across two they
are the projections of either (mmnn eq. 6), and `coupled` adds up both kinds.
"""
