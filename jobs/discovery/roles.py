"""Roles of columns, guessed from names, types and some values: ids, labels, vectors, images, codes, tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hashcore.columns.plain import is_list, plain
from jobs.corpora.formats import images
from jobs.discovery.bits import codes_in

if TYPE_CHECKING:
    import pyarrow as pa

Role = Literal["id", "labels", "vector", "image", "codes", "tags", "other"]
ITEMS: tuple[Role, ...] = ("vector", "image", "codes", "tags")
"""Roles of items, the likelier one first where a corpus has several."""

ID_NAMES = ("id", "_id", "key", "__key__", "uuid", "guid", "docid", "doc_id", "item_id", "image_id", "url", "uri")
MORE_ID_NAMES = ("path", "file_name", "filename", "file", "image_path", "name", "index", "idx", "row")
LABEL_NAMES = re.compile(r"labels?|class(es)?|cls|categor(y|ies)|targets?|y|(fine|coarse)_labels?|topics?|genres?")
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")
FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}
LONGEST_KEY, FEW_NAMES = 512, 0.5
NAMED: tuple[Role, ...] = ("codes", "image")
"""Roles by which ids are taken for items, such as hexadecimal digits and paths, where their name tells no better."""


class Column(NamedTuple):
    """A column of a corpus.

    Attributes:
        name: The column's.
        kind: Its type, as Arrow writes it.
        role: Its use, as far as it can be guessed.
        told: Details of the guess in words; "" where there are none.
        width: Dimensions of a vector, or bits of a code; 0 elsewhere.
        encoding: Value of `import.encoding` that reads codes; "" elsewhere.
        is_hot: Whether labels are lists of a 0 or 1 for each class.
    """

    name: str
    kind: str
    role: Role
    told: str = ""
    width: int = 0
    encoding: str = ""
    is_hot: bool = False


def guessed(name: str, kind: pa.DataType, values: Sequence[Any]) -> Column:
    """Return a column with its role, but for ids, which are chosen among all columns.

    Args:
        name: The column's.
        kind: Its type.
        values: Some of its values, nulls among them.
    """
    import pyarrow as pa

    held, of = [value for value in values if value is not None], plain(pa.nulls(0, kind)).type
    column = Column(name, str(kind), "other")
    if not held:
        return column._replace(told="empty in the rows looked at")
    if told := _images(held):
        column = column._replace(role="image", told=told)
    elif LABEL_NAMES.fullmatch(name.lower()) and (told := _labels(of, held)):
        column = column._replace(role="labels", told=told, is_hot=told.startswith("0 or 1"))
    elif found := codes_in(name, of, held):
        told = f"codes of {found.bits} bits, {found.told}"
        column = column._replace(role="codes", told=told, width=found.bits, encoding=found.encoding)
    elif is_list(of):
        column = _lists(column, of, held)
    elif is_text(of) and 2 <= (names := len(set(held))) <= FEW_NAMES * len(held):
        column = column._replace(told=f"perhaps labels: {names} names in {len(held)} rows")
    return column


def is_text(kind: pa.DataType) -> bool:
    """Return whether a plain type is one of texts."""
    return str(kind) in ("string", "large_string")


def id_of(columns: Sequence[Column], values: dict[str, Sequence[Any]]) -> str | None:
    """Return the column that is likeliest to hold ids, None where none may.

    Args:
        columns: All of a corpus.
        values: Some values of each.
    """
    items = [column for column in columns if column.role in ITEMS]
    may = [column for column in columns if column.role == "other" or (column.role in NAMED and items != [column])]
    may = [column for column in may if may_be_ids(column, values)]
    ranked = sorted(may, key=lambda column: _rank(column, values))
    return ranked[0].name if ranked and _rank(ranked[0], values) < len(RANKS) else None


def may_be_ids(column: Column, values: dict[str, Sequence[Any]]) -> bool:
    """Return whether some values of a column are whole numbers, texts or bytes, none of them null or there twice."""
    held = values[column.name]
    if not held or any(not isinstance(value, int | str | bytes) or isinstance(value, bool) for value in held):
        return False
    is_short = all(len(value) <= LONGEST_KEY for value in held if isinstance(value, str | bytes))
    return is_short and len(set(held)) == len(held)


RANKS = ("by name", "by its end", "names of files and rows", "a text of one word", "a number")


def _rank(column: Column, values: dict[str, Sequence[Any]]) -> int:
    """Return how likely a column holds ids: its place among `RANKS`, and beyond them where it is no candidate."""
    name, held = column.name.lower(), values[column.name]
    if name in ID_NAMES:
        return 0
    if name.endswith(("_id", "_key", "uuid")) or re.search(r"[a-z]I[dD]$", column.name):
        return 1
    if name in MORE_ID_NAMES:
        return 2
    if column.role != "other":
        return len(RANKS)
    if all(isinstance(value, str) and value and not re.search(r"\s", value) for value in held):
        return 3
    return 4 if all(isinstance(value, int) for value in held) else len(RANKS)


def _images(held: Sequence[Any]) -> str:
    """Return what tells that values are images, "" if they are none."""
    first = held[0]
    if isinstance(first, dict) and {"bytes", "path"} <= set(first):
        return "images with their paths"
    if isinstance(first, bytes) and sum(value.startswith(BEGINNINGS) for value in held) * 2 > len(held):
        return "images, as bytes"
    if isinstance(first, str) and sum(value.lower().endswith(images.SUFFIXES) for value in held) * 2 > len(held):
        is_web = any(value.startswith(("http://", "https://")) for value in held)
        return "" if is_web else "paths of images"
    return ""


def _labels(kind: pa.DataType, held: Sequence[Any]) -> str:
    """Return what labels of a column's name are; "" where they are no labels as they are read here."""
    import pyarrow as pa

    value = kind.value_type if is_list(kind) else kind
    if not (pa.types.is_integer(value) or is_text(value)):
        return ""
    if not is_list(kind):
        return f"a {'name' if is_text(value) else 'number'} a row, {len(set(held))} of them in {len(held)} rows"
    lengths, found = {len(each) for each in held}, {label for each in held for label in each}
    if len(lengths) == 1 and max(lengths) > 1 and found in ({0, 1}, {-1, 1}):
        return f"0 or 1 for each of {max(lengths)} classes"
    return f"lists of {'names' if is_text(value) else 'numbers'}"


def _lists(column: Column, kind: pa.DataType, held: Sequence[Any]) -> Column:
    """Return a column of lists: vectors where all are of one length, else tags."""
    import pyarrow as pa

    lengths, value = {len(each) for each in held}, kind.value_type
    if is_text(value):
        return column._replace(role="tags", told="lists of names")
    if not (pa.types.is_integer(value) or pa.types.is_floating(value)):
        return column
    if len(lengths) == 1 and max(lengths) > 1:
        return column._replace(
            role="vector", told=f"vectors of {max(lengths)} {FLOATS.get(str(value), value)}", width=max(lengths)
        )
    if pa.types.is_integer(value) and min(min(each, default=0) for each in held) >= 0:
        return column._replace(role="tags", told=f"lists of {min(lengths)} to {max(lengths)} numbers")
    return column._replace(told=f"lists of {min(lengths)} to {max(lengths)} numbers, which are no vectors")
