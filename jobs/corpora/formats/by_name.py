"""Formats of corpora by their names, and the format of what lies at a place by the names of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hashcore.errors import InvalidInputError
from hashcore.storage.listing import below
from jobs.config.sections.corpus import CorpusConfig, FormatName
from jobs.corpora.formats import csv_rows, images, json_lines, npy, parquet, webdataset
from jobs.corpora.formats.corpus import Corpus

Open = Callable[[str], Corpus]

FORMATS: dict[FormatName, Open] = {
    "parquet": parquet.open_corpus,
    "npy": npy.open_corpus,
    "images": images.open_corpus,
    "webdataset": webdataset.open_corpus,
    "json": json_lines.open_corpus,
    "csv": csv_rows.open_corpus,
}
"""How a corpus is opened; orc is Spark's."""

SUFFIXES: dict[str, FormatName] = {
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
    **dict.fromkeys(npy.SUFFIXES, "npy"),
    **dict.fromkeys(images.SUFFIXES, "images"),
    **dict.fromkeys(webdataset.SUFFIXES, "webdataset"),
    **dict.fromkeys(json_lines.SUFFIXES, "json"),
    **dict.fromkeys(csv_rows.SUFFIXES, "csv"),
    ".orc": "orc",
}
BESIDE: dict[FormatName, frozenset[FormatName]] = {
    "npy": frozenset({"parquet"}),
    "webdataset": frozenset({"parquet", "json"}),
}
"""What may lie beside files of a format, as the tools that write them leave it there."""


def open_corpus(source: str, name: FormatName = "auto") -> Corpus:
    """Open a corpus of a format that is read within the tasks.

    Args:
        source: Its place.
        name: Its format; `auto` is told by the names of its files.

    Raises:
        InvalidInputError: If there is none, it cannot be read, or its format cannot be told.
        StorageError: If the storage refuses.
    """
    return FORMATS[found(source) if name == "auto" else name](source)


def found(source: str) -> FormatName:
    """Return the format of a corpus by the names of its files; Parquet where no name tells.

    Raises:
        InvalidInputError: If files of several formats lie there.
    """
    kinds = Counter(kind for path, _ in below(source) if (kind := format_of(path or source)))
    if not kinds and any(format_of(path or source) == "images" for path, _ in below(source, images.HIDDEN)):
        return "images"
    for kind, beside in BESIDE.items():
        if kind in kinds and set(kinds) <= {kind, *beside}:
            return kind
    if len(kinds) > 1:
        said = ", ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common())
        raise InvalidInputError(
            f"{source} holds files of several formats: {said}; say which is read, as in --set corpus.format="
            f"{kinds.most_common(1)[0][0]}, or part them"
        )
    return next(iter(kinds), "parquet")


def resolved(config: CorpusConfig, source: str) -> CorpusConfig:
    """Return a configuration with the format of what lies at a place; errors as of `found`."""
    return config if config.format != "auto" else config.model_copy(update={"format": found(source)})


def format_of(path: str) -> FormatName | None:
    """Return the format of a file by its name.

    >>> format_of("a/x.TAR.GZ"), format_of("README.md")
    ('webdataset', None)
    """
    name = path.lower().rpartition("/")[2]
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
