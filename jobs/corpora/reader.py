"""What is read of a corpus, and the one reading of its columns, of training and of encoding, whatever the format.

Parts of a corpus have schemas of their own, and their columns become what all others are: ids int64 or keys, labels
lists of numbers or of names. So files may differ in the width of their numbers, and in how Arrow encodes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hashcore.columns.ids import IdForm, read_keys
from hashcore.columns.labels import LabelForm, read_labels
from hashcore.columns.plain import is_empty, plain
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

Wanted = Callable[["pa.Array"], "pa.Array"]
"""Tells of each id, as `read_keys` gives them, whether its row is read: booleans. It pickles."""
Kinds = tuple[str | None, str | None]
"""What ids and labels are: numbers, texts or bytes; None where all are null, or labels are not read."""


class Columns(NamedTuple):
    """A corpus and those of its columns that are read.

    Attributes:
        source: The corpus, for messages.
        id: Column of whole numbers or keys.
        items: Column of each kind of items, by the name that it is given.
        labels: Column of labels, or None.
        labels_as: What lists of labels hold: numbers, or 0 and 1; None where it is not said.
        item_key: The option that names the column of items, for messages.
        unlabelled: What to set where there are no labels.
        id_as: What numbers and dates are as ids: `text`; None keeps numbers.
        vector: Columns of numbers that make up an item in CSV; none means all but ids and labels.
        texts: Columns that are read as texts in CSV, whatever they look like.
        section: Section of the configuration that names the columns of ids and labels, for messages.
    """

    source: str
    id: str
    items: Mapping[str, str]
    labels: str | None
    labels_as: LabelForm | None = None
    item_key: str = "encode.column"
    unlabelled: str = "corpus.labels=null"
    vector: tuple[str, ...] = ()
    id_as: IdForm | None = None
    texts: tuple[str, ...] = ()
    section: str = "corpus"

    def names(self) -> list[str]:
        """Return the names of the corpus's columns that are read, each once."""
        wanted = (self.id, *self.items.values(), *([] if self.labels is None else [self.labels]))
        return list(dict.fromkeys(wanted))


def check(schema: pa.Schema, columns: Columns, place: str) -> Kinds:
    """Return what ids and labels are, after a look at the columns of a part.

    Raises:
        InvalidInputError: If a column is missing or there twice, or ids or labels are none.
    """
    import pyarrow as pa

    check_names(schema.names, columns, place)
    kinds: list[str | None] = []
    for name, read in (
        (columns.id, partial(read_keys, form=columns.id_as)),
        (columns.labels, partial(read_labels, form=columns.labels_as)),
    ):
        if name is None:
            kinds.append(None)
            continue
        sample = pa.nulls(0, schema.field(name).type)
        read_type = read(sample, name, place).type
        kind = read_type.value_type if pa.types.is_list(read_type) else read_type
        kinds.append(None if is_empty(plain(sample).type) else _called(kind))
    return kinds[0], kinds[1]


def check_alike(kinds: Sequence[Kinds], places: Sequence[str], source: str) -> None:
    """Raise InvalidInputError unless ids, and labels, are of one kind in all parts that have some."""
    for number, name in enumerate(("ids", "labels")):
        held = zip((each[number] for each in kinds), places, strict=True)
        first = {kind: place for kind, place in reversed(list(held)) if kind is not None}
        if len(first) > 1:
            said = " and ".join(f"{kind} in {place}" for kind, place in sorted(first.items()))
            raise InvalidInputError(f"{source}: {name} are {said}; write them alike")


def _called(kind: pa.DataType) -> str:
    """Return what values of a type are called."""
    import pyarrow as pa

    return "numbers" if pa.types.is_integer(kind) else {"string": "texts"}.get(str(kind), "bytes")


def check_names(names: Sequence[str], columns: Columns, place: str) -> None:
    """Raise InvalidInputError if a column is missing, or there twice."""
    wanted = [(f"{columns.section}.id", columns.id), *((columns.item_key, item) for item in columns.items.values())]
    for key, name in (*wanted, (f"{columns.section}.labels", columns.labels)):
        if name is not None and name not in names:
            hint = f"; use --set {columns.unlabelled} where items have none" if name == columns.labels else ""
            among = "" if place == columns.source else f", a file of {columns.source},"
            raise InvalidInputError(f"{place}{among} has no column {name} ({key}); it has {', '.join(names)}{hint}")
        if name is not None and names.count(name) > 1:
            raise InvalidInputError(
                f"{place} has two columns {name} ({key}), in the file or in the names of its folders; rename one"
            )


def canonical(batch: pa.RecordBatch | pa.Table, columns: Columns) -> pa.RecordBatch:
    """Return the columns of a batch as all others have them: id (int64, string or binary), the items, labels.

    Labels are list<int32>, or list<string> where they are names.

    Raises:
        InvalidInputError: If ids or labels are none.
    """
    import pyarrow as pa

    arrays = {"id": read_keys(batch.column(columns.id), columns.id, columns.source, columns.id_as)}
    arrays |= {name: plain(batch.column(column)) for name, column in columns.items.items()}
    if columns.labels is not None:
        labels = batch.column(columns.labels)
        arrays["labels"] = read_labels(labels, columns.labels, columns.source, columns.labels_as)
    return pa.RecordBatch.from_pydict(arrays)
