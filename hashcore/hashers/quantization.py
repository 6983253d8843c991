"""From projections to codes: a sign for each bit of a dense code, the nearest of −1, 0, +1 for a ternary one."""

from __future__ import annotations

import torch
from torch import Tensor

from hashcore.codes import Codes, Kind, pack, pack_ternary
from hashcore.errors import InvalidInputError

TERNARY_STEP = 0.5


def outputs(code_length: int, kind: Kind) -> int:
    """Return the number of projections that make a code: one a bit, or one for two bits of a ternary code.

    Raises:
        InvalidInputError: If a ternary code has an odd number of bits.
    """
    if kind != "ternary":
        return code_length
    if code_length % 2:
        raise InvalidInputError(f"code_length={code_length}: a ternary code has two bits a dimension; give an even one")
    return code_length // 2


def quantize(projections: Tensor, kind: Kind) -> Tensor:
    """Return ±1 for each sign, or −1, 0, +1 for the nearest of them; of the projections' shape and type.

    >>> quantize(torch.tensor([-0.6, -0.5, 0.0, 2.0]), "ternary").tolist()
    [-1.0, 0.0, 0.0, 1.0]
    """
    values = projections.detach()
    if kind == "ternary":
        return torch.where(values.abs() > TERNARY_STEP, values.sign(), 0.0)
    return torch.where(values > 0, 1.0, -1.0).to(values.dtype)


def certainty(projections: Tensor, kind: Kind) -> Tensor:
    """Return the distance of each projection from the value where its part of the code changes; of the same shape."""
    return (projections.abs() - TERNARY_STEP).abs() if kind == "ternary" else projections.abs()


def pack_projections(projections: Tensor, kind: Kind) -> Codes:
    """Return the packed codes of projections (n, outputs)."""
    if kind == "ternary":
        return pack_ternary(quantize(projections, kind).numpy())
    return pack(projections.numpy() > 0)


def hamming_distances(f: Tensor, g: Tensor, kind: Kind = "dense") -> Tensor:
    """Return the Hamming distances of the codes of every row of f to those of g; float, shape (n, m), whole numbers."""
    ours, others = quantize(f, kind), quantize(g, kind)
    if kind == "ternary":
        return torch.cdist(ours, others, p=1)
    return (f.shape[1] - ours @ others.T) / 2
