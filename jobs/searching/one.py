"""One question from the shell: the neighbors of an item of the index, or of a code, a vector, or an image in a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore.codes import Codes, code_bytes
from hashcore.columns.ids import Ids, shown
from hashcore.errors import InvalidInputError, brief, one_line
from hashcore.neighbors import Neighbors
from hashcore.storage import files
from jobs.config.pipeline import Pipeline
from jobs.importing.decoding import in_own_order
from jobs.telemetry.progress import table

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.hasher import Hasher
    from indexer import Index

NEAREST = 10
HEX = set("0123456789abcdef")


class Asks(NamedTuple):
    """What is asked of an index: the k nearest, or all within a radius."""

    k: int | None
    radius: int | None

    def of(self, index: Index, code: Codes, left_out: int | None = None) -> Neighbors:
        """Return the neighbors of one code, uint8 of shape (1, bytes), without the item of an id."""
        if self.radius is not None:
            found = index.range_search(code, self.radius)
        else:
            found = index.knn_search(code, min((self.k or NEAREST) + (left_out is not None), len(index)))
        kept = np.flatnonzero(found.ids != left_out) if left_out is not None else np.arange(len(found.ids))
        kept = kept[: self.k or NEAREST] if self.radius is None else kept
        return Neighbors(np.array([0, len(kept)]), found.ids[kept], found.distances[kept])


def answer(pipeline: Pipeline) -> str:
    """Return the neighbors of the item or the query that a pipeline asks for, as a table.

    Raises:
        InvalidInputError: If there is no such item, or the query cannot become a code.
    """
    import indexer

    index, config = indexer.open(pipeline.paths.index), pipeline.search
    asks = Asks(config.k, config.radius)
    if config.key is not None:
        one = key_ids(index, [config.key])
        return lines(index, asks.of(index, index.codes(one), number_of(index, one)))
    assert config.query is not None
    code = code_of(
        config.query, index, pipeline.paths.hasher, pipeline.allowed(), pipeline.encode.modality_of("queries")
    )
    return lines(index, asks.of(index, code))


def number_of(index: Index, one: Ids) -> int:
    """Return what the id or key of one item is to the index."""
    import indexer

    return int((one if index.key_spec is None else indexer.key_ids(one, index.key_spec))[0])


def key_ids(index: Index, keys: Sequence[str]) -> Ids:
    """Return keys as typed on a command line, as the ids that an index has.

    Raises:
        InvalidInputError: If one is no number where ids are numbers, or no hexadecimal digits where they are bytes.
    """
    import pyarrow as pa

    spec = index.key_spec
    try:
        if spec is None:
            return np.array([int(key) for key in keys], np.int64)
        if spec.type == "binary":
            return pa.array([bytes.fromhex(key.removeprefix("0x")) for key in keys], pa.large_binary())
    except (ValueError, OverflowError):
        kind = "whole numbers" if spec is None else "bytes: type hexadecimal digits"
        raise InvalidInputError(f"{brief(list(keys))}: the ids of {index.store} are {kind}") from None
    return pa.array(list(keys), pa.large_string())


def own_code(code: Codes, index: Index) -> Codes:
    """Return a code of an index, uint8 of shape (1, bytes), as those have it who imported it, or back."""
    return in_own_order(code, index.manifest.hasher_fingerprint, index.code_length, index.manifest.kind)


def code_of(query: str, index: Index, hasher: str, allow: tuple[str, ...], modality: str) -> Codes:
    """Return the code of a query: a file of an image or of a vector (.npy), or the hexadecimal digits of a code.

    Args:
        query: It.
        index: Whose codes are asked.
        hasher: Directory of the hasher that made them.
        allow: Modules that it may import.
        modality: That reads the query, where the hasher has it.

    Returns:
        uint8, shape (1, bytes).

    Raises:
        InvalidInputError: If it is none of these, or there is no hasher that reads it.
    """
    width = code_bytes(index.code_length)
    digits = query.lower().removeprefix("0x")
    if len(digits) == 2 * width and set(digits) <= HEX and not files.exists(query):
        return own_code(np.frombuffer(bytes.fromhex(digits), np.uint8)[None], index)
    content = files.read_bytes(query) if files.exists(query) and not files.is_folder(query) else None
    if content is None:
        raise InvalidInputError(
            f"{brief(query)} is no file, and no code of {2 * width} hexadecimal digits; give an image, a .npy vector, "
            "or a code"
        )
    if not files.exists(files.join(hasher, "hasher.json")):
        raise InvalidInputError(
            f"{query} needs a hasher to become a code and there is none at {hasher}; name one by --set "
            "paths.hasher=DIR, or give a code"
        )
    from hashcore.hasher import Hasher

    loaded, made = Hasher.load(hasher, allow=allow), index.manifest.hasher_fingerprint
    if made is not None and loaded.fingerprint != made:
        raise InvalidInputError(
            f"{hasher} is hasher {loaded.fingerprint} but the index was encoded by {made}; name that one by --set "
            "paths.hasher=DIR"
        )
    return _encoded(query, content, loaded, modality)


def _encoded(query: str, content: bytes, hasher: Hasher, modality: str) -> Codes:
    """Return the code of a file's item, in the hasher's modality that reads it."""
    import pyarrow as pa

    from hashcore.inputs.column import read_column

    column = _vector(query, content) if query.endswith(".npy") else pa.array([content], pa.binary())
    said = f"which has {', '.join(hasher.modalities)}"
    for name in [modality] if modality in hasher.modalities else hasher.modalities:
        try:
            read = read_column(column, hasher.modalities[name].input)
        except InvalidInputError as error:  # it reads another kind of items
            said = str(error)
            continue
        if read.rejected:
            raise InvalidInputError(f"{query}: {read.rejected[0][1]}; give an item as the hasher has learned from")
        return hasher.encode(read.values, name)
    raise InvalidInputError(f"{query} is nothing that the hasher reads: {one_line(said)}")


def _vector(query: str, content: bytes) -> pa.Array:
    """Return the vector in a file of NumPy's as a column of one row."""
    import io

    import pyarrow as pa

    try:
        return pa.array([np.load(io.BytesIO(content), allow_pickle=False).reshape(-1).astype(np.float32)])
    except (ValueError, TypeError, EOFError) as error:
        raise InvalidInputError(
            f"{query} is no vector of numbers ({one_line(str(error))}); save one by numpy.save"
        ) from None


def lines(index: Index, found: Neighbors) -> str:
    """Return the neighbors of one query as a table: id, distance, labels."""
    keys = map(shown, index.keys(found.ids).to_pylist())
    held = [(str(key), str(distance)) for key, distance in zip(keys, found.distances.tolist(), strict=True)]
    labels = labels_of(index, found.ids)
    if labels is None:
        return table([("id", "distance"), *held])
    rows = [(*row, ", ".join(own)) for row, own in zip(held, labels, strict=True)]
    return table([("id", "distance", "labels"), *rows])


def labels_of(index: Index, ids: Ids) -> list[list[str]] | None:
    """Return the labels of items, by their names where these are known; None where the index has none."""
    labels, words = index.labels_of(ids), index.manifest.vocabulary
    if labels is None:
        return None
    rows = [labels.of(row).tolist() for row in range(len(labels))]
    return [[str(label) if words is None else words[label] for label in row] for row in rows]
