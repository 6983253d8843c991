"""What the items of a corpus are, by a sample of them: no single row, which may be an odd one, decides for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from hashcore.errors import InvalidInputError, require
from hashcore.inputs.column import FeatureInput, ImageInput

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 4  # sizes that an error names


def infer_features(columns: Iterable[pa.Array]) -> FeatureInput:
    """Describe lists of numbers by the length that most of them have.

    Raises:
        InvalidInputError: If no row holds a number, or no half of them has one length.
    """
    import pyarrow.compute as pc

    lengths = Counter(
        int(length)
        for column in columns
        for length in pc.list_value_length(column).drop_null().to_numpy(zero_copy_only=False)
        if length
    )
    if not lengths:
        raise InvalidInputError("no row holds features; give a corpus with at least one readable row")
    most, rows = lengths.most_common(1)[0]
    if 2 * rows < lengths.total():
        raise InvalidInputError(
            f"rows hold {_few(lengths)} features; give each row as many, in the same order of dimensions"
        )
    return FeatureInput(dimensions=most)


def infer_images(
    columns: Sequence[pa.Array], channels: Literal[1, 3] | None, size: tuple[int, int] | None
) -> ImageInput:
    """Describe images by the size that most of them have, and by whether any has colours; as far as neither is said.

    Raises:
        InvalidInputError: If no image can be read, or no half of them has one size.
    """
    if channels is not None and size is not None:
        return ImageInput(height=size[0], width=size[1], channels=channels)
    require("PIL", "train")
    from hashcore.inputs.images import describe

    seen = (describe(row.as_py()) for column in columns for row in column)
    found = Counter(each for each in seen if isinstance(each, ImageInput))
    if not found:
        raise InvalidInputError("no row holds a readable image; give PNG or JPEG files")
    sizes: Counter[tuple[int, int]] = Counter()
    for each, rows in found.items():
        sizes[each.height, each.width] += rows
    (height, width), rows = sizes.most_common(1)[0]
    if size is None and 2 * rows < sizes.total():
        shown = _few(Counter({f"{wide} x {high}": count for (high, wide), count in sizes.items()}))
        raise InvalidInputError(
            f"images are of {len(sizes)} sizes: {shown}; scale them to one, or say train.size=[height, width]"
        )
    coloured: Literal[1, 3] = 3 if any(each.channels == 3 for each in found) else 1
    height, width = size or (height, width)
    return ImageInput(height=height, width=width, channels=channels or coloured)


def _few(counts: Counter[int] | Counter[str]) -> str:
    """Return the most frequent values with the rows that have them."""
    shown = ", ".join(f"{value} ({rows} rows)" for value, rows in counts.most_common(SHOWN))
    return shown + (" and others" if len(counts) > SHOWN else "")
