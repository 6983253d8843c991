"""Keys of items: texts or bytes by which people know them, and the 64-bit ids that they become in an index."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hashcore.arguments import check_array
from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError, brief
from hashcore.machine.processors import check_threads
from indexer import _native

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ID = 2**63 - 1
MOST_BYTES = 65_536  # of a key
SEEDS = 16  # tried, so that no two keys of a build become one id

Ids = Any  # int64, shape (n,); or keys, as `as_keys` takes them
Bytes = tuple[NDArray[np.int64], NDArray[np.uint8]]  # offsets (n + 1,), content


class KeySpec(BaseModel):
    """How keys become ids.

    Attributes:
        type: Of the keys: texts, which are UTF-8, or bytes.
        seed: Of the hash; another one where two keys of an index would have become one id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["string", "binary"]
    seed: int = Field(default=0, ge=0, lt=2**63)

    @staticmethod
    def of(keys: pa.Array, seed: int = 0) -> KeySpec:
        """Return how keys of an Arrow array of texts or bytes, shape (n,), become ids under a seed."""
        return KeySpec(type="string" if "string" in str(keys.type) else "binary", seed=seed)

    @property
    def called(self) -> str:
        """What keys of the type are called."""
        return "texts" if self.type == "string" else "bytes"


class Items(NamedTuple):
    """Ids of n items, and their keys where they have some.

    Attributes:
        ids: int64, shape (n,).
        keys: Arrow array of large_string or large_binary, n long; None where ids are whole numbers.
    """

    ids: NDArray[np.int64]
    keys: pa.Array | None


def are_keys(ids: Ids) -> bool:
    """Return whether n ids, shape (n,), are keys, or else numbers."""
    if isinstance(ids, np.ndarray):
        return ids.dtype.kind in "USO" and ids.size > 0
    kind = getattr(ids, "type", None)  # of an Arrow array
    if kind is not None:
        return not str(kind).startswith(("int", "uint"))
    return isinstance(ids, list | tuple) and len(ids) > 0 and isinstance(ids[0], str | bytes)


def as_keys(keys: Any, name: str = "ids") -> pa.Array:
    """Return keys as an Arrow array of large_string or large_binary, shape (n,), without nulls.

    Args:
        keys: n texts or n bytes: a NumPy array, a list, or an Arrow array however it encodes them.
        name: Of the argument.

    Raises:
        InvalidInputError: If they are neither, both, null, or longer than 65,536 bytes.
    """
    import pyarrow as pa

    array = plain(keys) if isinstance(keys, pa.Array | pa.ChunkedArray) else _from_python(keys, name)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = array.cast(pa.large_string())
    elif pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        array = array.cast(pa.large_binary())
    else:
        raise InvalidInputError(f"{name} are {array.type}; give whole numbers, texts or bytes")
    if array.null_count:
        raise InvalidInputError(f"{name}: {array.null_count} keys are null; give every item one")
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        raise InvalidInputError(f"{name}: a key is no UTF-8; give keys as bytes (binary)") from None
    offsets, _ = key_bytes(array)
    lengths = np.diff(offsets)
    if lengths.max(initial=0) > MOST_BYTES:
        place = int(lengths.argmax())
        raise InvalidInputError(
            f"{name}: the key {brief(array[place].as_py()[:40])}… has {lengths[place]:,} bytes; use at most "
            f"{MOST_BYTES:,}"
        )
    return array


def _from_python(keys: Any, name: str) -> pa.Array:
    """Return an Arrow array of Python's or NumPy's texts or bytes."""
    import pyarrow as pa

    values = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)
    types = {type(value) for value in values if value is not None}
    is_text, is_bytes = (all(issubclass(one, kind) for one in types) for kind in (str, bytes))
    if not is_text and not is_bytes:
        raise InvalidInputError(f"{name} are of several types; give texts alone, or bytes alone")
    try:
        return pa.array(values, pa.large_string() if is_text else pa.large_binary())
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{name}: the key {brief(error.object[:40])} is no Unicode text; give it as bytes, all keys alike"
        ) from None


def key_bytes(keys: pa.Array) -> Bytes:
    """Return the bytes of keys, large_string or large_binary: offsets, int64 of shape (n + 1,), and their content."""
    _, offsets, content = keys.buffers()
    if not len(keys):
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int64, len(keys) + 1, 8 * keys.offset)
    held = np.empty(0, np.uint8) if content is None else np.frombuffer(content, np.uint8)
    return ends - ends[0], held[ends[0] : ends[-1]]


def key_array(offsets: NDArray[np.int64], content: NDArray[np.uint8], kind: str) -> pa.Array:
    """Return keys of some bytes, as `key_bytes` gives them, as large_string or large_binary; kind as of `KeySpec.type`.

    Raises:
        pa.ArrowInvalid: If they should be texts, and are no UTF-8.
    """
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(content))]
    of = pa.large_string() if kind == "string" else pa.large_binary()
    array = pa.Array.from_buffers(of, len(offsets) - 1, buffers)
    array.validate(full=True)
    return array


def key_ids(keys: Any, spec: KeySpec, *, threads: int = 0) -> NDArray[np.int64]:
    """Return the ids that keys become: XXH64 of their bytes, as signed numbers; int64, shape (n,).

    Args:
        keys: n texts or n bytes.
        spec: Their type, and the seed of the hash.
        threads: Threads to use; 0 takes every processor this process may run on.

    Raises:
        InvalidInputError: If they are none, or of another type.

    >>> key_ids(["", "a"], KeySpec(type="string")).tolist()
    [-1205034819632174695, -3292477735350538661]
    """
    array = _of_type(as_keys(keys), spec)
    return _hashed(array, spec, check_threads(threads))


def _hashed(array: pa.Array, spec: KeySpec, threads: int) -> NDArray[np.int64]:
    """Return the ids of checked keys."""
    ids = np.empty(len(array), np.int64)
    _native.hash_keys(*key_bytes(array), spec.seed, ids, threads)
    return ids


def _of_type(array: pa.Array, spec: KeySpec) -> pa.Array:
    """Return keys that are of the type that they must be."""
    given = KeySpec.of(array)
    if given.type != spec.type:
        raise InvalidInputError(f"the keys are {given.called} but those of the index {spec.called}; give such keys")
    return array


def items_of(ids: Ids, spec: KeySpec | None, name: str = "ids", rows: int | None = None) -> Items:
    """Return ids or keys, shape (n,), as those of an index, whose spec is given: None where its ids are numbers.

    `rows` says how many there must be.

    Raises:
        InvalidInputError: If they are numbers and the index has keys, or the other way.
    """
    if are_keys(ids):
        if spec is None:
            raise InvalidInputError(f"{name} are keys but the ids of the index are whole numbers; give such ids")
        keys = as_keys(ids, name)
        return Items(key_ids(keys, spec), keys)
    numbers = check_array(ids, name, ("n" if rows is None else rows,), "iu")
    if spec is not None and len(numbers):
        raise InvalidInputError(f"{name} are numbers but the index has keys, which are texts or bytes; give keys")
    return Items(signed(numbers), None)


def unique_spec(keys: pa.Array) -> tuple[KeySpec, NDArray[np.int64]]:
    """Return a spec by which no two of n keys become one id, and the ids, int64 of shape (n,).

    Raises:
        InvalidInputError: If a key is there twice.
    """
    shared = None
    for seed in range(SEEDS):
        spec = KeySpec.of(keys, seed)
        ids = key_ids(keys, spec)
        shared = shared_key(ids, keys)
        if shared is None:
            return spec, ids
        if shared.is_twice:
            raise InvalidInputError(f"the key {brief(shared.key)} is there more than once; give each item its own key")
    raise InvalidInputError(
        f"the key {brief(shared and shared.key)} and another have one hash under each of {SEEDS} seeds; such keys are "
        "made on purpose; give one of them another key"
    )


class Shared(NamedTuple):
    """A key that has the id of another item, and whether this has the same key."""

    key: Any
    is_twice: bool


def shared_key(ids: NDArray[np.int64], keys: pa.Array) -> Shared | None:
    """Return a key that shares its id, int64 of shape (n,), with another of n keys; rather one that is there twice."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    follows = ordered[1:] == ordered[:-1]
    if not follows.any():
        return None
    shares = np.append(follows, False) | np.append(False, follows)
    counts = Counter(keys.take(order[shares]).to_pylist())
    (key, count), *_ = counts.most_common(1)
    return Shared(key, count > 1)


def signed(ids: NDArray[Any]) -> NDArray[np.int64]:
    """Return whole numbers, shape (n,), as the int64 that an index keeps.

    Raises:
        InvalidInputError: If one is larger than these hold.
    """
    if ids.dtype == np.uint64 and len(ids) and int(ids.max()) > MAX_ID:
        raise InvalidInputError(f"ids: {ids.max()} is larger than {MAX_ID}, the largest id; give smaller ones")
    return ids.astype(np.int64, copy=False)
