"""Classical hashes by name: a new one needs its file, whose `fit` makes a hasher, and its name in `spec`.

Those of two modalities lie in `cross_modal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

from hashcore.classical.spec import LEARN_FROM_LABELS, OF_TWO_MODALITIES, Method
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels


def fit(
    method: Method,
    items: NDArray[Any] | Mapping[str, NDArray[Any]],
    code_length: int,
    labels: Labels | None = None,
    *,
    seed: int = 0,
    modality: str | None = None,
    center: bool = True,
) -> Hasher:
    """Fit a method by its name.

    Args:
        method: Its name, as in `spec.METHODS`.
        items: Shape (n, d) features or (n, channels, height, width) pixels; or such arrays of the same n rows by the
            names of their modalities, two for those of `OF_TWO_MODALITIES`, one for the others.
        code_length: Bits of a code.
        labels: Of the n rows; only looked at by those of `LEARN_FROM_LABELS`.
        seed: Decides what is drawn; a method that draws nothing only records it.
        modality: Name of what the hasher reads, where items are an array; None names it `features` or `image`.
        center: Subtract the mean of the items, which `sign` alone may leave out.

    Raises:
        InvalidInputError: If the method needs labels and has none, fits another number of modalities, or cannot make
            such codes of the items.
    """
    if method in LEARN_FROM_LABELS and labels is None:
        raise InvalidInputError(f"{method} learns from labels and there are none; give labels, or use itq")
    taught = (labels,) if method in LEARN_FROM_LABELS else ()
    fitted: Hasher
    room = ".cross_modal" if method in OF_TWO_MODALITIES else ""
    module = import_module(f"hashcore.classical{room}.{method.replace('-', '_')}")
    if method in OF_TWO_MODALITIES:
        views = items if isinstance(items, Mapping) else {modality or "items": items}
        fitted = module.fit(views, code_length, *taught, seed=seed)
        return fitted
    if isinstance(items, Mapping):
        if len(items) != 1:
            raise InvalidInputError(f"{method} fits one modality, not {', '.join(items)}; give one of them")
        modality, items = next(iter(items.items()))
    options = {"center": center} if method == "sign" else {}
    fitted = module.fit(items, code_length, *taught, seed=seed, modality=modality, **options)
    return fitted
