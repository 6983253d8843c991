"""The hasher that learns nothing: a bit for each tag, so that a tag corpus is a set of sparse codes as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashcore.hasher import Hasher, Modality
from hashcore.inputs.tags import describe_tags
from hashcore.networks.spec import Identity, Preprocessing

if TYPE_CHECKING:
    import pyarrow as pa


def fit(column: pa.Array, *, modality: str = "tags") -> Hasher:
    """Take the tags of a corpus as the bits of a code.

    Args:
        column: Lists of strings, or of whole numbers, one list an item.
        modality: Name of what the hasher reads.

    Returns:
        A hasher of sparse codes: bit i is set where an item has tag i.

    Raises:
        InvalidInputError: If there are no tags, or numbers that are negative or too large for a code.
    """
    described = describe_tags(column)
    reads = Modality(
        input=described, preprocessing=Preprocessing(center=False, unit_variance=False), network=Identity()
    )
    module = reads.module(described.dimensions, "sparse")
    provenance = {"method": "identity-tags", "rows": len(column)}
    return Hasher(described.dimensions, {modality: reads}, {modality: module}, "sparse", provenance)
