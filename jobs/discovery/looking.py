"""A look at a corpus: its format, files, rows and columns, and the first rows; no more is read than it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hashcore.errors import InvalidInputError
from hashcore.storage.listing import below
from jobs.config.sections.corpus import CorpusConfig, FormatName
from jobs.corpora.formats import by_name, image_paths
from jobs.corpora.formats.corpus import OPENED_AT_ONCE, SAMPLED, Corpus, Part, count_rows, spread
from jobs.corpora.reader import Columns
from jobs.discovery.roles import ITEMS, Column, guessed, id_of
from jobs.importing.opening import B1BIN, open_codes

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 64  # looked at, from places far apart
KEPT_BYTES = 4096  # of a value of bytes
COUNTED_BYTES = 64 << 20  # of files whose rows only reading tells
MOST_COLUMNS = 2000
FEATURES = "features"


class Corpora(NamedTuple):
    """What a place holds as a corpus.

    Attributes:
        place: The file or folder.
        format: Its format.
        told: Files and their number, in words.
        rows: Rows; None where only reading tells, and there is much to read.
        columns: With their roles.
        first: Some of the first rows.
        sizes: Sizes (width, height) of some of its images.
    """

    place: str
    format: FormatName | Literal["b1bin"]
    told: str
    rows: int | None
    columns: tuple[Column, ...]
    first: tuple[dict[str, Any], ...]
    sizes: tuple[tuple[int, int], ...] = ()

    def of(self, role: str) -> Column | None:
        """Return the first column of a role."""
        return next((column for column in self.columns if column.role == role), None)

    def item(self) -> Column | None:
        """Return the column that is likeliest to hold the items."""
        return next((column for role in ITEMS if (column := self.of(role))), None)

    def named(self, name: str) -> Column | None:
        """Return the column of a name."""
        return next((column for column in self.columns if column.name == name), None)


def look(place: str, name: FormatName = "auto") -> Corpora:
    """Look at a corpus.

    Args:
        place: A file or a folder.
        name: Its format; `auto` is told by the names of its files.

    Raises:
        InvalidInputError: If nothing is there, nothing that is read here, or it cannot be read.
        StorageError: If the storage refuses.
    """
    file_format = _format(place) if name == "auto" else name
    if file_format == "orc":
        return Corpora(place, "orc", "files of orc, which Spark reads", None, (), ())
    if file_format == "npy" or file_format == "b1bin":  # noqa: PLR1714 - so that mypy tells them apart
        corpus = open_codes(place, file_format).corpus  # of types that no hasher reads, too
    else:
        corpus = by_name.open_corpus(place, file_format)
    schema = corpus.parts[0].schema(Columns(place, "", {}, None))
    names = list(dict.fromkeys(schema.names))[:MOST_COLUMNS]
    rows, fields = list(_rows(corpus, names)), {name: schema.field(name).type for name in names}
    values: dict[str, Sequence[Any]] = {name: [row[name] for row in rows] for name in names}
    columns = [guessed(name, kind, values[name]) for name, kind in fields.items()]
    chosen = id_of(columns, values)
    columns = [_as_id(column) if column.name == chosen else column for column in columns]
    if file_format == "csv":
        columns += _joined(columns)
    seen = Corpora(place, file_format, corpus.told, _count(corpus, names), tuple(columns), tuple(rows[:3]))
    item = seen.item()
    return seen._replace(sizes=_sizes(corpus, item.name)) if item and item.role == "image" else seen


def _format(place: str) -> FormatName | Literal["b1bin"]:
    """Return the format of what lies at a place, where something does."""
    names = [path or place for path, _ in below(place)]
    if not names:
        raise InvalidInputError(f"{place} does not exist, or is an empty folder; correct the path")
    if any(name.endswith(B1BIN) for name in names):
        return "b1bin"
    found = by_name.resolved(CorpusConfig(), place).format
    if found == "parquet" and not any(by_name.format_of(name) for name in names):
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        known = ", ".join(sorted([B1BIN, *by_name.SUFFIXES]))
        raise InvalidInputError(f"{place} holds nothing that is read here: {shown}; give files of {known}")
    return found


def _rows(corpus: Corpus, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the first rows of a corpus, and some from places far apart."""
    columns = Columns(corpus.source, names[0], {name: name for name in names[1:]}, None)
    parts = [piece for part in spread(corpus.parts, SAMPLED) for piece in part.pieces(max(1, part.size // SAMPLED))]
    pieces = spread(parts, SAMPLED)
    each = -(-ROWS // len(pieces))
    for piece in pieces:
        batch = next(iter(_batches(piece, columns, each)), None)
        if batch is not None:
            made = [[_cut(value) for value in column.to_pylist()] for column in batch.columns]
            yield from (dict(zip(batch.schema.names, row, strict=True)) for row in zip(*made, strict=True))


def _batches(part: Part, columns: Columns, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the first rows of a part that has any."""
    yield from (batch.slice(0, rows) for batch in part.batches(columns, rows) if len(batch))


def _cut(value: Any) -> Any:
    """Return a value, of long bytes the beginning."""
    if isinstance(value, dict):
        return {name: _cut(inner) for name, inner in value.items()}
    return value[:KEPT_BYTES] if isinstance(value, bytes) else value


def _as_id(column: Column) -> Column:
    """Return the column of ids."""
    return column._replace(role="id", told="whole numbers" if "int" in column.kind else "keys", width=0, encoding="")


def _joined(columns: Sequence[Column]) -> list[Column]:
    """Return the column that CSV's columns of numbers make together, where they are the items."""
    numeric = [column for column in columns if column.role == "other" and column.kind in ("int64", "double")]
    if len(numeric) < 2 or any(column.role in ITEMS for column in columns):
        return []
    told = f"vectors of {len(numeric)} numbers, of the columns {numeric[0].name} to {numeric[-1].name}"
    return [Column(FEATURES, "columns of numbers", "vector", told, len(numeric))]


def _count(corpus: Corpus, names: Sequence[str]) -> int | None:
    """Return the rows of a corpus; None where only reading much would tell."""
    with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
        known = list(pool.map(lambda part: part.rows(), corpus.parts))
    if None not in known:
        return sum(each or 0 for each in known)
    if sum(part.size for part in corpus.parts) > COUNTED_BYTES:
        return None
    return count_rows(corpus, Columns(corpus.source, names[0], {}, None))


def _sizes(corpus: Corpus, column: str) -> tuple[tuple[int, int], ...]:
    """Return the sizes of some images; none where Pillow is not installed."""
    from io import BytesIO

    try:
        from PIL import Image
    except ImportError:
        return ()
    columns, sizes = Columns(corpus.source, column, {"item": column}, None), []
    for part in spread(corpus.parts, SAMPLED):
        for batch in _batches(part, columns, SAMPLED):
            for image in (each for read in image_paths.followed(batch, columns, part.folder) for each in read[column]):
                value = image.as_py()
                content = value.get("bytes") if isinstance(value, dict) else value
                try:
                    sizes.append(Image.open(BytesIO(content or b"")).size)
                except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                    continue
            break
    return tuple(sizes)
