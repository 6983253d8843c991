"""The classical hashes by name: a new one needs its file, its name in `spec` and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from hashcore.classical import diffhash, itq, itq_cca, lsh, pcah, sh, ssh
from hashcore.classical.spec import Method
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.relevance import Labels

UNSUPERVISED: dict[Method, Callable[..., Hasher]] = {
    "lsh": lsh.fit,
    "pcah": pcah.fit,
    "sh": sh.fit,
    "itq": itq.fit,
}
SUPERVISED: dict[Method, Callable[..., Hasher]] = {
    "itq-cca": itq_cca.fit,
    "diffhash": diffhash.fit,
    "ssh": ssh.fit,
}


def fit(
    method: Method,
    items: NDArray[Any],
    labels: Labels | None,
    code_length: int,
    *,
    seed: int = 0,
    modality: str | None = None,
) -> Hasher:
    """Fit a method by its name.

    Args:
        method: Which.
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        labels: Of the n items; only looked at by those of `LEARN_FROM_LABELS`.
        code_length: Bits of a code.
        seed: Decides what is drawn; a method that draws nothing only records it.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If the method needs labels and has none, or cannot make such codes of the items.
    """
    if method in UNSUPERVISED:
        return UNSUPERVISED[method](items, code_length, seed=seed, modality=modality)
    if labels is None:
        raise InvalidInputError(f"{method} learns from labels and there are none; give labels, or use itq")
    return SUPERVISED[method](items, code_length, labels, seed=seed, modality=modality)
