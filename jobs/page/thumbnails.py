"""Small pictures of some items of a corpus, as data URIs that a page can hold."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from hashcore.columns.ids import read_keys, shown
from hashcore.columns.plain import plain
from hashcore.errors import require
from hashcore.inputs.image_colours import channels_of, in_channels
from hashcore.inputs.image_files import opened, orientation, upright
from hashcore.inputs.image_resizing import reduced
from hashcore.inputs.images import image_bytes
from hashcore.storage import files
from jobs.config.sections.corpus import CorpusConfig
from jobs.corpora.formats import by_name, parquet
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.formats.image_paths import are_paths, followed
from jobs.corpora.reader import Columns
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa

SMALL_PIXELS = 16
BATCH_ROWS = 256
CORPUS = CorpusConfig()


class Picture(NamedTuple):
    """A picture as a data URI, and whether it has so few pixels that they are better shown as squares."""

    uri: str
    is_small: bool


def thumbnails(
    path: str,
    id_column: str,
    image_column: str,
    ids: Iterable[int | str],
    pixels: int,
    corpus: CorpusConfig = CORPUS,
) -> dict[int | str, Picture]:
    """Return the pictures of the given items by id.

    Args:
        path: Directory or file of the corpus.
        id_column: Name of its column of ids.
        image_column: Name of its column of encoded images, or of paths to them.
        ids: Items wanted, bytes as hexadecimal digits; only their rows are read.
        pixels: Longest side; larger images are scaled down, smaller ones are left alone.
        corpus: How it is read: its format, and its ids; of orc nothing is shown.

    Returns:
        Those items that are there and can be decoded; none where the corpus has no column of images.
    """
    import pyarrow as pa

    if not files.exists(path) or by_name.resolved(corpus, path).format == "orc":
        return {}
    columns = Columns(path, id_column, {"image": image_column}, None, id_as=corpus.id_as)
    opened = by_name.open_corpus(path, corpus.format)
    schema = opened.parts[0].schema(columns)
    if id_column not in schema.names or image_column not in schema.names:
        return {}
    sample = plain(pa.nulls(0, schema.field(image_column).type))
    holds_bytes = image_bytes(sample) is not None
    if not holds_bytes and not are_paths(sample):
        return {}
    kind = read_keys(pa.nulls(0, schema.field(id_column).type), id_column, path, corpus.id_as).type
    wanted = pa.array([_typed(key, kind) for key in sorted(set(ids))], kind)
    is_indexed = holds_bytes and isinstance(opened.parts[0], parquet.ParquetPart)
    tables = [_by_footers(columns, wanted)] if is_indexed else list(_by_reading(opened, columns, wanted))
    pictures: dict[int | str, Picture] = {}
    for table in tables:
        found = map(shown, read_keys(table.column(id_column), id_column, path, corpus.id_as).to_pylist())
        images = image_bytes(plain(table.column(image_column)))
        made = ((id_, _picture(image.as_py(), pixels)) for id_, image in zip(found, images or (), strict=True))
        pictures |= {id_: picture for id_, picture in made if picture is not None}
    return pictures


def _by_footers(columns: Columns, wanted: pa.Array) -> pa.Table:
    """Return the rows of some ids of a Parquet corpus; footers tell what need not be read."""
    import pyarrow.dataset as ds

    held = parquet.dataset(columns.source)
    typed = wanted.cast(held.schema.field(columns.id).type)
    with readable(columns.source):
        return held.to_table(columns.names(), filter=ds.field(columns.id).isin(typed))


def _by_reading(opened: Corpus, columns: Columns, wanted: pa.Array) -> Iterator[pa.Table]:
    """Yield the rows of some ids of a corpus; only their paths are followed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for part in opened.parts:
        for batch in part.batches(columns, BATCH_ROWS):
            ids = read_keys(batch.column(columns.id), columns.id, columns.source, columns.id_as)
            chosen = batch.filter(pc.is_in(ids, wanted))
            if len(chosen):
                yield from map(pa.Table.from_batches, ([each] for each in followed(chosen, columns, part.folder)))


def _typed(key: int | str, kind: pa.DataType) -> int | str | bytes:
    """Return an id as its column has it."""
    is_text = isinstance(key, int) or "string" in str(kind)
    return key if is_text else bytes.fromhex(str(key).removeprefix("0x"))


def _picture(image: bytes | None, pixels: int) -> Picture | None:
    """Return an encoded image as PNG if it is grey, else as JPEG; None if it cannot be decoded."""
    require("PIL", "report")
    found = opened(image)
    if isinstance(found, str):
        return None
    turned, channels = orientation(found), channels_of(found)
    try:
        reduced(found, (pixels, pixels))
        picture = upright(in_channels(found, channels), turned)
        picture.thumbnail((pixels, pixels))
    except Exception:  # Pillow promises none for files that lie about themselves
        return None
    kind = "PNG" if channels == 1 else "JPEG"
    buffer = BytesIO()
    picture.save(buffer, format=kind, quality=90, subsampling=0)
    uri = f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(uri, max(picture.size) <= SMALL_PIXELS)
