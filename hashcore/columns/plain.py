"""Arrow's encodings of the same values made one: dictionaries, views, run ends, extensions become plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hashcore.arguments import offsets_of

if TYPE_CHECKING:
    import pyarrow as pa

LISTS = ("list<", "large_list<", "fixed_size_list<", "list_view<", "large_list_view<")
VIEWS = {"string_view": "string", "binary_view": "binary"}
FIXED_BINARY = "fixed_size_binary["


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column without what encodes its values, a value a row; fixed-size lists stay such, others become lists.

    The types are told by their names, since pyarrow 14, petastorm's, has no predicates for the newer ones.

    >>> import pyarrow as pa
    >>> plain(pa.array(["cat", "dog", "cat"]).dictionary_encode()).type
    DataType(string)
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # of more bytes than one array holds
        array = pa.concat_arrays([plain(chunk) for chunk in array.chunks])
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary).take(array.indices)  # decoding knows no views
    if str(kind).startswith("run_end_encoded<"):
        return plain(pc.run_end_decode(array))
    if str(kind) in VIEWS:
        return array.cast(VIEWS[str(kind)])
    if str(kind).startswith(FIXED_BINARY):
        return array.cast(pa.binary())
    return _plain_lists(array) if is_list(kind) else array


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type is one of lists, whatever encodes them; a map is none."""
    return str(kind).startswith(LISTS)


def is_empty(kind: pa.DataType) -> bool:
    """Return whether a column of a type can hold no value: null, or lists of null."""
    import pyarrow as pa

    return bool(pa.types.is_null(kind) or (is_list(kind) and pa.types.is_null(kind.value_type)))


def _plain_lists(array: pa.Array) -> pa.Array:
    """Return lists of plain values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if not str(kind).startswith(("list_view<", "large_list_view<")) and plain(pa.nulls(0, kind.value_type)).type == (
        kind.value_type
    ):
        return array
    values, lengths = plain(pc.list_flatten(array)), pc.list_value_length(array)
    counts = pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False)
    offsets = offsets_of(counts)
    missing = np.append(np.asarray(array.is_null()), False)
    return pa.LargeListArray.from_arrays(pa.array(offsets, mask=missing), values)
