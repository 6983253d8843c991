"""A folder of images: the path below it is the id, the name of its first folder the label, as ImageFolder has them.

Other files and hidden ones are passed over. What has the name of an image is an item, however broken it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hashcore.errors import InvalidInputError
from hashcore.storage.listing import below
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.reader import Columns

if TYPE_CHECKING:
    import pyarrow as pa

HIDDEN = (".",)  # cameras call their files _DSC0001.JPG
DECODED = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
SUFFIXES = (*DECODED, ".heic", ".heif", ".avif", ".jxl", ".jp2")  # the last are items as well, which are rejected
FILES, BYTES = 256, 64 << 20  # of a part, at most


class ImagesPart(NamedTuple):
    """Some images of a folder.

    Attributes:
        place: The folder.
        names: Their paths below it, joined by zeros; a list of them would take three times the memory.
        size: Bytes of the files.
        labelled: Whether the folders tell labels.
    """

    place: str
    names: bytes
    size: int
    labelled: bool

    @property
    def folder(self) -> str:
        """The folder, or that of an image alone."""
        return self.place

    @property
    def inputs(self) -> str:
        """The folder, and the first of the images."""
        names = self._names()
        return f"{self.place} images {names[0]} and {len(names) - 1} more"

    def schema(self, columns: Columns) -> pa.Schema:  # noqa: ARG002
        """Return the columns id, image and, where folders tell them, labels."""
        import pyarrow as pa

        return pa.schema([pa.field(name, pa.string()) for name in _columns(self.labelled)])

    def rows(self) -> int:
        """Return how many they are."""
        return len(self._names())

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield ids, paths and labels; the images are read from their paths."""
        import pyarrow as pa

        names = self._names()
        for start in range(0, len(names), batch_rows):
            ids = names[start : start + batch_rows]
            made = {
                "id": ids,
                "image": [f"./{name}" for name in ids],  # none is taken for a URI
                "labels": [name.split("/")[0] if "/" in name else None for name in ids],
            }
            yield pa.RecordBatch.from_pydict({name: pa.array(made[name], pa.string()) for name in columns.names()})

    def pieces(self, most_bytes: int) -> Sequence[ImagesPart]:  # noqa: ARG002
        """Return the part itself, which is small."""
        return [self]

    def _names(self) -> list[str]:
        """Return the paths of the images."""
        return self.names.decode().split("\0")


def open_corpus(source: str) -> Corpus:
    """Open a folder of images, or an image alone.

    Raises:
        InvalidInputError: If it holds no image, or what readers would pass over.
        StorageError: If the storage refuses.
    """
    found = ((path, size) for path, size in below(source, HIDDEN) if (path or source).lower().endswith(SUFFIXES))
    folder, groups, folders, count = source, list[tuple[bytes, int]](), set[str](), 0
    for names, size in _grouped(found):
        if names == [""]:
            folder, _, name = source.rpartition("/")
            names = [name]  # noqa: PLW2901
        groups.append(("\0".join(names).encode(), size))
        folders |= {name.split("/")[0] for name in names if "/" in name}
        count += len(names)
    if not groups:
        raise InvalidInputError(
            f"{source} holds no image, {', '.join(DECODED)}; correct the path, or say what it holds by corpus.format"
        )
    parts = [ImagesPart(folder, names, size, bool(folders)) for names, size in groups]
    classes = f" in {len(folders):,} folders" if folders else ""
    return Corpus(source, parts, f"{count:,} images{classes}: columns {', '.join(_columns(bool(folders)))}")


def _columns(labelled: bool) -> list[str]:
    """Return the names of the columns."""
    return ["id", "image", *(["labels"] if labelled else [])]


def _grouped(found: Iterator[tuple[str, int]]) -> Iterator[tuple[list[str], int]]:
    """Yield the names of parts, with their bytes."""
    names, held = list[str](), 0
    for name, size in found:
        if names and (len(names) == FILES or held + size > BYTES):
            yield names, held
            names, held = [], 0
        names.append(name)
        held += size
    if names:
        yield names, held
