"""WebDataset tars, as img2dataset writes them: a sample is a row, its files and the fields of its JSON are columns.

Columns are `id` (the key, `__key__` as well), `image`, `labels` (of `.cls`, else `label` or `labels` of the JSON),
`caption` (of the JSON, else `.txt`), each file that is text by its suffix, and the fields of the JSON by their names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from hashcore.errors import InvalidInputError, one_line
from hashcore.storage import files
from hashcore.storage.listing import below
from jobs.corpora.formats import images
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.formats.image_paths import BATCH_BYTES
from jobs.corpora.formats.tar_samples import MOST_BYTES, Sample, samples
from jobs.corpora.reader import Columns

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".tar", ".tar.gz", ".tgz")
KEYS = ("id", "__key__")
IMAGE = "image"
TEXTS = ("txt", "text", "caption", "cls")
LOOKED_AT = 32  # samples, for the columns and their types


class TarPart(NamedTuple):
    """A tar.

    Attributes:
        source: The corpus.
        place: The tar.
        size: Its bytes.
        types: Names and types, as Arrow writes them, of the columns by the first samples of the corpus.
    """

    source: str
    place: str
    size: int
    types: tuple[tuple[str, Any], ...]

    @property
    def folder(self) -> str:
        """The folder of the tar."""
        return self.place.rpartition("/")[0]

    @property
    def inputs(self) -> str:
        """The tar."""
        return self.place

    def schema(self, columns: Columns) -> pa.Schema:  # noqa: ARG002
        """Return the columns by the first samples of the corpus."""
        import pyarrow as pa

        return pa.schema(list(self.types))

    def rows(self) -> None:
        """Return None: only reading tells."""

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the samples, in batches that end after so many bytes of images."""
        names, types = columns.names(), dict(self.types)
        reads_image = IMAGE in names
        rows, held = list[list[Any]](), 0
        for sample in samples(self.place, lambda rest: _is_wanted(rest, names), skips=not reads_image):
            rows.append([value(sample, name, self.place) for name in names])
            held += sum(len(content or b"") for content in sample.members.values()) if reads_image else 0
            if len(rows) == batch_rows or held >= BATCH_BYTES:
                yield _batch(rows, names, types, self.place)
                rows, held = [], 0
        if rows:
            yield _batch(rows, names, types, self.place)

    def pieces(self, most_bytes: int) -> Sequence[TarPart]:  # noqa: ARG002
        """Return the tar itself, which is read from its beginning to its end."""
        return [self]


def open_corpus(source: str) -> Corpus:
    """Open a tar, or a folder of tars, by a look at the first samples.

    Raises:
        InvalidInputError: If it holds no tar, or none with a sample, or the first is damaged.
        StorageError: If the storage refuses.
    """
    found = [(path, size) for path, size in below(source) if (path or source).lower().endswith(SUFFIXES)]
    if not found:
        raise InvalidInputError(f"{source} holds no tar; correct the path, or say what it holds by corpus.format")
    tars = [(files.join(source, path) if path else source, size) for path, size in found]
    first: list[Sample] = []
    for path, _ in tars:
        first = list(islice(samples(path, lambda rest: not _is_image(rest), skips=True), LOOKED_AT))
        if first:
            break
    if not first:
        raise InvalidInputError(f"{source} holds no sample: its tars are empty; make them again")
    types = tuple(_types(first, path).items())
    parts = [TarPart(source, path, size, types) for path, size in tars]
    names = ", ".join(name for name, _ in types)
    return Corpus(source, parts, f"{len(tars):,} tar{'s' if len(tars) > 1 else ''} of samples: columns {names}")


def value(sample: Sample, name: str, place: str) -> Any:
    """Return the value of a sample in a column, None where it has none."""
    if name in KEYS:
        return sample.key
    if name == IMAGE:
        return _image(sample)
    if name in sample.members and not _is_image(name) and name != "json":
        return _text(sample, name, place)
    fields = _fields(sample, place)
    if name == "labels" and "labels" not in fields:
        return _class(_text(sample, "cls", place)) if "cls" in sample.members else fields.get("label")
    if name == "caption" and "caption" not in fields:
        return next((_text(sample, each, place) for each in TEXTS[:2] if each in sample.members), None)
    return fields.get(name)


def _image(sample: Sample) -> dict[str, Any]:
    """Return the image of a sample, or why it has none."""
    found = [name for name in sample.members if _is_image(name)]
    if len(found) == 1 and sample.members[found[0]] is not None:
        return {"bytes": sample.members[found[0]], "path": f"{sample.key}.{found[0]}", "reason": None}
    reason = "the sample has no image" if not found else f"the image has more than {MOST_BYTES:,} bytes"
    if len(found) > 1:
        reason = f"the sample has {len(found)} images: {', '.join(found)}"
    return {"bytes": None, "path": sample.key, "reason": reason}


def _text(sample: Sample, name: str, place: str) -> str | None:
    """Return the text of a file of a sample."""
    content = sample.members[name]
    if content is None:
        return None
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise InvalidInputError(f"{place}: {sample.key}.{name} is no UTF-8; write it anew") from None


def _class(text: str | None) -> int | str | None:
    """Return the class that a `.cls` tells: a number, or a name."""
    if not text:
        return None
    return int(text) if text.lstrip("-").isdecimal() else text


def _fields(sample: Sample, place: str) -> dict[str, Any]:
    """Return the fields of the JSON of a sample."""
    content = sample.members.get("json")
    if content is None:
        return {}
    try:
        found = json.loads(content)
    except ValueError as error:
        raise InvalidInputError(f"{place}: {sample.key}.json is no JSON ({one_line(error)}); write it anew") from None
    return found if isinstance(found, dict) else {}


def _is_image(rest: str) -> bool:
    """Return whether a file of a sample is its image, by the rest of its name."""
    return f".{rest.rstrip('.')}".endswith(images.SUFFIXES)


def _is_wanted(rest: str, names: Sequence[str]) -> bool:
    """Return whether a file of a sample is read for some columns."""
    if _is_image(rest):
        return IMAGE in names
    return any(name not in (*KEYS, IMAGE) for name in names)


def _types(first: Sequence[Sample], place: str) -> dict[str, pa.DataType]:
    """Return the columns that the first samples have, and their types."""
    import pyarrow as pa

    names = ["id", "__key__", IMAGE]
    for sample in first:
        fields = _fields(sample, place)
        names += [name for name in ("labels",) if "cls" in sample.members or "label" in fields]
        names += [name for name in ("caption",) if not {"txt", "text"}.isdisjoint(sample.members)]
        names += [name for name in sample.members if name in TEXTS]
        names += fields
    types: dict[str, pa.DataType] = {}
    for name in dict.fromkeys(names):
        if name == IMAGE:
            types[name] = _image_type()
            continue
        try:
            types[name] = pa.array([value(sample, name, place) for sample in first]).type
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            continue  # values of several types, which are no column
    return types


def _image_type() -> pa.DataType:
    """Return the type of the column of images."""
    import pyarrow as pa

    return pa.struct({"bytes": pa.large_binary(), "path": pa.string(), "reason": pa.string()})


def _batch(rows: list[list[Any]], names: Sequence[str], types: dict[str, pa.DataType], place: str) -> pa.RecordBatch:
    """Return rows as a record batch."""
    import pyarrow as pa

    made = {}
    for number, name in enumerate(names):
        values, kind = [row[number] for row in rows], types[name]
        try:
            made[name] = pa.array(values, None if pa.types.is_null(kind) else kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InvalidInputError(
                f"{place}: {name} is no {kind} throughout, as it is in the first samples ({one_line(error)}); write it "
                "alike in all"
            ) from None
    return pa.RecordBatch.from_pydict(made)
