"""The classical hashes by name: a new one needs its file, its name in `spec` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from hashcore.classical import cm_ssh, diffhash, itq, itq_cca, lsh, pcah, sh, ssh
from hashcore.classical.common import cca
from hashcore.classical.spec import LEARN_FROM_LABELS, OF_TWO_MODALITIES, Method
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels

FITS: dict[Method, Callable[..., Hasher]] = {
    "lsh": lsh.fit,
    "pcah": pcah.fit,
    "sh": sh.fit,
    "itq": itq.fit,
    "itq-cca": itq_cca.fit,
    "diffhash": diffhash.fit,
    "ssh": ssh.fit,
    "cca": cca.fit,
    "cm-ssh": cm_ssh.fit,
}


def fit(
    method: Method,
    items: NDArray[Any] | Mapping[str, NDArray[Any]],
    labels: Labels | None,
    code_length: int,
    *,
    seed: int = 0,
    modality: str | None = None,
) -> Hasher:
    """Fit a method by its name.

    Args:
        method: Which.
        items: Shape (n, d) features or (n, channels, height, width) pixels; or such arrays of the same n rows by the
            names of their modalities, two for those of `OF_TWO_MODALITIES`, one for the others.
        labels: Of the n rows; only looked at by those of `LEARN_FROM_LABELS`.
        code_length: Bits of a code.
        seed: Decides what is drawn; a method that draws nothing only records it.
        modality: Name of what the hasher reads, where items are an array; None names it `features` or `image`.

    Raises:
        InvalidInputError: If the method needs labels and has none, fits another number of modalities, or cannot make
            such codes of the items.
    """
    if method in LEARN_FROM_LABELS and labels is None:
        raise InvalidInputError(f"{method} learns from labels and there are none; give labels, or use itq")
    taught = (labels,) if method in LEARN_FROM_LABELS else ()
    if method in OF_TWO_MODALITIES:
        views = items if isinstance(items, Mapping) else {modality or "items": items}
        return FITS[method](views, code_length, *taught, seed=seed)
    if isinstance(items, Mapping):
        if len(items) != 1:
            raise InvalidInputError(f"{method} fits one modality, not {', '.join(items)}; give one of them")
        modality, items = next(iter(items.items()))
    return FITS[method](items, code_length, *taught, seed=seed, modality=modality)
