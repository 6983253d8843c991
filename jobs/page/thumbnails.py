"""Small pictures of some items of a corpus, as data URIs that a page can hold."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from hashcore.columns.ids import read_keys, shown
from hashcore.columns.plain import plain
from hashcore.errors import require
from hashcore.inputs.images import image_bytes
from hashcore.storage import files
from jobs.corpora.formats import parquet
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa

SMALL_PIXELS = 16


class Picture(NamedTuple):
    """A picture as a data URI, and whether it has so few pixels that they are better shown as squares."""

    uri: str
    is_small: bool


def thumbnails(
    path: str, id_column: str, image_column: str, ids: Iterable[int | str], pixels: int
) -> dict[int | str, Picture]:
    """Return the pictures of the given items by id.

    Args:
        path: Parquet directory or file of the corpus.
        id_column: Name of its column of ids.
        image_column: Name of its column of encoded images.
        ids: Items wanted, bytes as hexadecimal digits; only their rows are read.
        pixels: Longest side; larger images are scaled down, smaller ones are left alone.

    Returns:
        Those items that are there and can be decoded; none where the corpus has no column of images.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    if not files.exists(path):
        return {}
    corpus = parquet.dataset(path)
    names = corpus.schema.names
    if id_column not in names or image_column not in names:
        return {}
    if image_bytes(plain(pa.nulls(0, corpus.schema.field(image_column).type))) is None:
        return {}
    kind = corpus.schema.field(id_column).type
    wanted = pa.array([_typed(key, kind) for key in sorted(set(ids))]).cast(kind)
    with readable(path):
        rows = corpus.to_table([id_column, image_column], filter=ds.field(id_column).isin(wanted))
    found = map(shown, read_keys(rows.column(id_column), id_column, path).to_pylist())
    images = image_bytes(plain(rows.column(image_column)))
    pictures = {id_: _picture(image.as_py(), pixels) for id_, image in zip(found, images or (), strict=True)}
    return {id_: picture for id_, picture in pictures.items() if picture is not None}


def _typed(key: int | str, kind: pa.DataType) -> int | str | bytes:
    """Return an id as its column has it."""
    is_text = isinstance(key, int) or "string" in str(kind)
    return key if is_text else bytes.fromhex(str(key).removeprefix("0x"))


def _picture(image: bytes | None, pixels: int) -> Picture | None:
    """Return an encoded image as PNG if it is grey, else as JPEG; None if it cannot be decoded."""
    require("PIL", "report")
    from PIL import Image, UnidentifiedImageError

    from hashcore.inputs.images import upright

    try:
        with Image.open(BytesIO(image or b"")) as opened:
            turned = upright(opened)
            turned.thumbnail((pixels, pixels))
            picture = turned.convert("L" if turned.mode in ("1", "L", "I;16") else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    kind = "PNG" if picture.mode == "L" else "JPEG"
    buffer = BytesIO()
    picture.save(buffer, format=kind, quality=90, subsampling=0)
    uri = f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(uri, max(picture.size) <= SMALL_PIXELS)
