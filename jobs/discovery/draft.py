"""The pipeline file that would read what was found: commented YAML, which runs as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from hashcore.errors import InvalidInputError
from jobs.config.paths import absolute
from jobs.discovery.looking import FEATURES, Corpora
from jobs.discovery.roles import Column
from jobs.discovery.training import train

COMMENT_AT = 32
PLAIN = re.compile(r"[A-Za-z_/][\w./-]*")
WORDS = re.compile(r"null|true|false", re.IGNORECASE)
K, VOTES = 10, 50
MODALITIES = {"vector": FEATURES, "image": "image", "tags": "tags"}


class Draft(NamedTuple):
    """What a pipeline file is made of.

    Attributes:
        name: The pipeline's.
        file: Name of the file, for the commands in it.
        database: The corpus to learn from and to search.
        queries: That of the queries; none asks the database itself.
    """

    name: str
    file: str
    database: Corpora
    queries: Corpora | None = None

    def item(self) -> Column:
        """Return the column of the items."""
        found = self.database.item()
        if found is None:
            raise InvalidInputError(
                f"{self.database.place} has no column of vectors, images, codes or tags among "
                f"{', '.join(column.name for column in self.database.columns[:20]) or 'none'}; write one, or name it "
                "in a pipeline file by train.column and encode.column"
            )
        return found

    def labels(self) -> Column | None:
        """Return the column of labels."""
        return self.database.of("labels")


def text(draft: Draft) -> str:
    """Return the pipeline file.

    Raises:
        InvalidInputError: If the database has no items or ids, or the queries have others.
    """
    item = draft.item()
    if draft.queries is not None:
        _check_queries(draft, draft.queries, item)
    body = _imports(draft, item) if item.role == "codes" else _learns(draft, item)
    return "\n".join(line.rstrip() for line in [*_head(draft), *body, *_asks(draft)]) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    """Yield the comment that the file opens with."""
    seen = draft.database
    rows = "" if seen.rows is None else f", {seen.rows:,} rows"
    yield f"# {seen.place}: {seen.told}{rows}"
    yield f"#   hashcore run --config {draft.file}"
    yield "# Written by a look at some rows: correct what is guessed wrong. `hashcore VERB --help` shows every option."
    yield f"name: {quoted(draft.name)}"
    yield ""


def _learns(draft: Draft, item: Column) -> Iterator[str]:
    """Yield the sections of a corpus that a hasher is trained for."""
    seen, labels, modality = draft.database, draft.labels(), MODALITIES[item.role]
    id_ = seen.of("id")
    if id_ is None:
        raise InvalidInputError(
            f"{seen.place} has no column that may hold ids: whole numbers or texts, each once; write one, or name it "
            "in a pipeline file by corpus.id"
        )
    queries = draft.queries.place if draft.queries else seen.place
    yield "paths:"
    yield line("corpus_train", absolute(seen.place), "learned from")
    yield line("corpus_database", absolute(seen.place), "indexed")
    yield line("corpus_queries", absolute(queries))
    if draft.queries is None:
        yield _asks_itself(draft)
    yield from ("", "corpus:")
    is_one_format = draft.queries is None or draft.queries.format == seen.format
    yield line("format", seen.format if is_one_format else "auto")
    yield line("id", id_.name, id_.told)
    yield line("labels", labels.name if labels else None, labels.told if labels else _perhaps(seen))
    if labels is not None and labels.is_hot:
        yield line("labels_as", "hot", "a 0 or 1 for each class")
    named = [("modality", modality), *([("column", item.name)] if item.name != modality else [])]
    yield from ("", "train:")
    yield from (line(key, value, comment) for key, value, comment in train(seen, item, labels))
    yield from (line(key, value, item.told if key == "modality" else "") for key, value in named)
    yield from ("", "encode:")
    yield from (line(key, value) for key, value in named)
    own = _own(draft, item) if draft.queries else {}
    if own:
        yield line("queries", own)
    yield ""


def _own(draft: Draft, item: Column) -> dict[str, object]:
    """Return what the queries have of their own."""
    queries, labels, own = draft.queries, draft.labels(), dict[str, object]()
    other = queries.item() if queries else None
    if other is not None and other.name != item.name:
        own["column"] = other.name
    if labels is not None and queries is not None and queries.named(labels.name) is None:
        own["labelled"] = False
    return own


def _imports(draft: Draft, item: Column) -> Iterator[str]:
    """Yield the sections of ready-made codes."""
    seen, labels, id_ = draft.database, draft.labels(), draft.database.of("id")
    yield "import:"
    yield line("codes", absolute(seen.place))
    yield line("queries", absolute(draft.queries.place) if draft.queries else None)
    if draft.queries is None or draft.queries.format == seen.format:
        yield line("format", seen.format)
    yield line("column", item.name, item.told)
    yield line("id", id_.name if id_ else None, id_.told if id_ else "rows are numbered from 0")
    yield line("labels", labels.name if labels else None, labels.told if labels else _perhaps(seen))
    yield line("encoding", item.encoding)
    if item.encoding in ("packed", "hex"):
        yield line("bit_order", "msb", "guessed: as numpy.packbits has it; lsb as faiss has it. Distances are the same")
    yield ""
    if draft.queries is None:
        yield "paths:"
        yield _asks_itself(draft)
        yield ""


def _asks_itself(draft: Draft) -> str:
    """Return the line by which the codes of the database are asked for, too."""
    return line("codes_queries", f"runs/{draft.name}/codes/database", "the database itself; each finds itself")


def _asks(draft: Draft) -> Iterator[str]:
    """Yield the sections of searching and evaluating."""
    rows = 1 << 62 if draft.database.rows is None else draft.database.rows
    yield "search:"
    yield line("k", min(K, max(rows, 1)), "nearest neighbors of each query; or radius, in bits")
    if draft.labels() is not None:
        yield from ("", "evaluate:")
        yield line(
            "exclude_self", draft.queries is None, "whether the item with a query's id is left out of its ranking"
        )
        if rows <= VOTES:
            yield line("knn", [1])


def _perhaps(seen: Corpora) -> str:
    """Return which column may hold labels though its name does not say so."""
    found = next((column for column in seen.columns if column.told.startswith("perhaps labels")), None)
    return f"perhaps {found.name}{found.told.removeprefix('perhaps labels')}" if found else "none found"


def _check_queries(draft: Draft, queries: Corpora, item: Column) -> None:
    """Raise InvalidInputError unless queries have items of the database's kind and width, and ids of its column."""
    other, id_ = queries.item(), draft.database.of("id")
    if other is None or other.role != item.role or other.width != item.width:
        has = f"{other.told} in {other.name}" if other else "no items"
        raise InvalidInputError(
            f"{draft.database.place} has {item.told} in {item.name}, but {queries.place} has {has}; give queries alike"
        )
    wanted = [id_, *([item] if item.role == "codes" else [])]
    for column in filter(None, wanted):
        if queries.named(column.name) is None:
            raise InvalidInputError(f"{queries.place} has no column {column.name}, as the database has; rename one")


def line(key: str, value: object, comment: str = "") -> str:
    """Return a line of a section, with a comment.

    >>> line("id", "a b"), line("k", 10)
    ('  id: "a b"', '  k: 10')
    """
    said = f"  {key}: {quoted(value)}"
    return f"{said:<{COMMENT_AT}}  # {comment}" if comment else said


def quoted(value: object) -> str:
    """Return a value as YAML, a text in quotes where it might be read as something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {quoted(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str) and PLAIN.fullmatch(value) and not WORDS.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
