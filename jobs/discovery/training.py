"""The training that suits a corpus: a network where images have labels, else a classical hash of what it holds."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.discovery.looking import Corpora
from jobs.discovery.roles import Column

Option = tuple[str, object, str]
"""Key, value and comment of an option of `train`."""

USUAL_BITS, FEWER_BITS = 64, 32
NETWORK_PIXELS, ITQ_PIXELS, SMALL_PIXELS = 64, 32, 16


def train(seen: Corpora, item: Column, labels: Column | None) -> Iterator[Option]:
    """Yield the options of a training, but for modality and column.

    Args:
        seen: The corpus.
        item: The column of its items.
        labels: That of its labels, or None.
    """
    if item.role == "tags":
        yield ("method", "identity-tags", "a bit for each tag; nothing is trained")
    elif item.role == "vector":
        yield from _of_vectors(seen, item, labels)
    elif labels is None:
        yield ("method", "itq", "needs no labels; with labels a network learns what belongs together")
        yield ("code_length", _bits(seen, 3 * ITQ_PIXELS * ITQ_PIXELS) or FEWER_BITS, "bits")
        yield from _size(seen, ITQ_PIXELS)
    else:
        yield from _of_labelled_images(seen)


def _of_vectors(seen: Corpora, item: Column, labels: Column | None) -> Iterator[Option]:
    """Yield the options of a classical hash of vectors."""
    bits = _bits(seen, item.width)
    told = "needs no labels" + ("; network learns from them what belongs together" if labels else "")
    if bits is None:
        yield ("method", "lsh", f"{told}; itq takes no more bits than dimensions and rows")
    else:
        yield ("method", "itq", told)
    yield ("code_length", bits or USUAL_BITS, "bits")


def _of_labelled_images(seen: Corpora) -> Iterator[Option]:
    """Yield the options of a network of images."""
    yield ("method", "network", "learns which images have labels in common; itq needs no labels")
    yield ("code_length", USUAL_BITS, "bits")
    if min((min(size) for size in seen.sizes), default=SMALL_PIXELS) >= SMALL_PIXELS:
        yield ("network", {"name": "convolutional"}, "or residual, nin")
        yield ("optimizer", {"name": "adamw", "learning_rate": 0.002}, "")
    yield ("standardized", True, "no bit is the same for all images")
    yield ("epochs", 20, "")
    yield from _size(seen, NETWORK_PIXELS)


def _size(seen: Corpora, most: int) -> Iterator[Option]:
    """Yield the size that images are read with, where those looked at are larger or differ."""
    largest = max((max(size) for size in seen.sizes), default=0)
    if largest > most or len(set(seen.sizes)) > 1:
        yield ("size", [most, most], "height and width that images are read with")


def _bits(seen: Corpora, dimensions: int) -> int | None:
    """Return the bits that principal components suffice for, None where they do not."""
    rank = dimensions if seen.rows is None else min(dimensions, seen.rows - 1)
    return next((bits for bits in (USUAL_BITS, FEWER_BITS) if rank >= bits), None)
