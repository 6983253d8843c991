"""Exponentiated code product of DeepHash (eq. 5–6), with the gradients of its bilinear approximation (eq. 7–11).

For bits b of one row and h of another the loss is ℓ = e^(−Y b∘h) with b∘h = bᵀh / K. It is a product over bits: with
all bits but k frozen, the factor of bit k is c + c′ b(k) h(k), where c = cosh(Y/K) and c′ = −sinh(Y/K) (eq. 7), and the
product of signs gives way to 2σ(f(k) g(k)) − 1 (eq. 8). This surrogate ℓ⁽ᵏ⁾ (eq. 9) has a gradient for the projections
of bit k alone (eq. 11). Taken for every bit, these are the gradients used; the value is that of the loss itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hashcore.supervision.relations import UNKNOWN, Relations


def deephash(f: Tensor, g: Tensor, relations: Relations) -> Tensor:
    """Return the mean of e^(−Y b∘h) over all pairs whose similarity is known.

    Costs O(n² K) steps and O(n²) memory.

    Args:
        f: Projections of which the codes are the signs, shape (n, K).
        g: Those of the same rows as second members of pairs, shape (n, K).
        relations: Of the rows; the pairs are read.

    Returns:
        Scalar.
    """
    loss: Tensor = _CodeProduct.apply(f, g, relations.similarity.to(f.dtype))  # type: ignore[no-untyped-call]
    return loss


class _CodeProduct(torch.autograd.Function):
    """Eq. 6 forwards, the derivatives of eq. 9 backwards; both need the same weights, so both are found at once."""

    @staticmethod
    def forward(ctx: Any, f: Tensor, g: Tensor, similarity: Tensor) -> Tensor:
        """Return the mean loss; `similarity` is Y, shape (n, n), of the type of f."""
        bits, others, width = _signs(f), _signs(g), f.shape[1]
        known = (similarity != UNKNOWN).to(f.dtype)
        losses = torch.exp(-similarity * (bits @ others.T) / width) * known / known.sum().clamp(min=1)
        odd = -torch.sinh(similarity / width)  # c′ of eq. 7
        grad_f, grad_g = torch.empty_like(f), torch.empty_like(g)
        for k in range(width):
            frozen = losses * torch.exp(similarity * torch.outer(bits[:, k], others[:, k]) / width)
            agreement = torch.tanh(torch.outer(f[:, k], g[:, k]) / 2)  # 2σ(·) − 1
            slope = frozen * odd * (1 - agreement.square()) / 2
            grad_f[:, k], grad_g[:, k] = slope @ g[:, k], slope.T @ f[:, k]
        ctx.save_for_backward(grad_f, grad_g)
        return losses.sum()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients for f and g."""
        grad_f, grad_g = ctx.saved_tensors
        return grad_outputs[0] * grad_f, grad_outputs[0] * grad_g, None


def _signs(f: Tensor) -> Tensor:
    """Return the bits of projections as ±1, without a gradient."""
    return torch.where(f.detach() > 0, 1.0, -1.0).to(f.dtype)
