"""Reading and writing safetensors files: named arrays behind one JSON header, mapped into memory and never decoded.

A shard's header carries the SHA-256 of every array and the file is named by the SHA-256 of its header, so a name says
what every byte of the file must be, and opening a file need read no more than the header.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import (
    CorruptIndexError,
    MissingFileError,
    OutputError,
    StorageError,
    UnknownFormatError,
    brief,
)
from indexer.storage.durable import sync_file

FORMAT = "hashcore-shard"
WITH_NUMBERS, WITH_KEYS = 1, 2  # versions, of a shard whose ids are numbers and of one whose items have keys
VERSIONS = (str(WITH_NUMBERS), str(WITH_KEYS))
MAX_HEADER_BYTES = 1 << 20  # that of 4,096 bits in 12 tables takes less than a tenth
ENTRY = {"dtype", "shape", "data_offsets"}

Array = NDArray[Any]
DTYPES: dict[str, np.dtype[Any]] = {
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write_array_file(
    path: Path, arrays: dict[str, Array], facts: dict[str, Any], kind: str = FORMAT, *, version: int = WITH_NUMBERS
) -> str:
    """Write arrays and facts to a new file.

    Args:
        path: The file to make.
        arrays: By name, of any shape; of 8-byte, 4-byte and 1-byte integers.
        facts: What else a reader must know; JSON-able.
        kind: What the file is.
        version: Of its format.

    Returns:
        The SHA-256 of the header, hexadecimal: the name of the content.
    """
    # Arrays by falling item size: each is aligned without gaps, which the format does not allow.
    ordered = dict(sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize))
    facts = {**facts, "sha256": {name: array_digest(array) for name, array in ordered.items()}}
    metadata = {"format": kind, "version": str(version), "facts": json.dumps(facts, sort_keys=True)}
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in ordered.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    try:
        with path.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for array in ordered.values():
                file.write(_bytes(array))
            file.flush()
            sync_file(file.fileno())
    except OSError as error:
        raise OutputError(
            f"cannot write {path}, {end} bytes: {error.strerror}; make room, or choose another place (TMPDIR for s3://)"
        ) from None
    return hashlib.sha256(text).hexdigest()


class ArrayFile:
    """An opened file: its facts and its arrays, as read-only views of the mapped file.

    Attributes:
        path: Where it lies.
        arrays: By name.
        facts: What the writer said beside them.
        version: Of its format.

    Raises:
        UnknownFormatError: If it is of another format or version.
        CorruptIndexError: If header, name and length do not fit together.
    """

    def __init__(self, path: Path, digest: str | None = None, kind: str = FORMAT) -> None:
        self.path = path
        self.kind = kind
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise MissingFileError(
                f"{path}: the shard is missing; restore it, or remove the index and build it again"
            ) from None
        except ValueError:
            raise CorruptIndexError(f"{path}: expected a shard, got an empty file; restore it") from None
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise StorageError(f"{path}: too many files are open; raise the limit, as by ulimit -n 4096") from None
            raise CorruptIndexError(f"{path}: the shard cannot be read ({error.strerror}); restore it") from None
        if hasattr(mmap, "MADV_HUGEPAGE"):  # random look-ups over 4 KiB pages cost more for the page than for the data
            with contextlib.suppress(OSError):
                self._map.madvise(mmap.MADV_HUGEPAGE)
        text = self._header_text(digest)
        self.arrays, self.facts = self._parse(text)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._map)

    def will_need(self) -> None:
        """Ask the system to read the whole file ahead; returns at once."""
        if hasattr(mmap, "MADV_WILLNEED"):
            with contextlib.suppress(OSError):
                self._map.madvise(mmap.MADV_WILLNEED)

    def verify(self) -> None:
        """Compare every byte of every array with the digests of the header.

        Raises:
            CorruptIndexError: Naming the array that differs.
        """
        for name, array in self.arrays.items():
            expected, got = self.facts["sha256"][name], array_digest(array)
            if got != expected:
                raise CorruptIndexError(
                    f"{self.path}: array {name} has SHA-256 {got}, expected {brief(expected)}; restore the file"
                )

    def has(self, name: str, dtype: type[np.generic]) -> bool:
        """Return whether there is an array of some name and type."""
        return name in self.arrays and bool(self.arrays[name].dtype == dtype)

    def refuse_others(self, known: set[str]) -> None:
        """Raise CorruptIndexError if there are other arrays than some."""
        others = sorted(self.arrays.keys() - known)
        if others:
            raise CorruptIndexError(f"{self.path}: expected no array {brief(others[0])}; restore the file")

    def check_facts(self, *names: str) -> None:
        """Raise CorruptIndexError unless the facts are those of some names and the digests of all arrays."""
        if self.facts.keys() != {*names, "sha256"}:
            expected = ", ".join((*names, "sha256"))
            raise CorruptIndexError(
                f"{self.path}: expected the facts {expected}, got {brief(sorted(self.facts))}; restore the file"
            )

    def array(self, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> Array:
        """Return one array after checking its type and shape (−1: any length).

        Raises:
            CorruptIndexError: If it is not there or is another.
        """
        array = self.arrays.get(name)
        if array is not None and array.dtype == dtype and array.shape == shape:
            return array
        if array is None or array.dtype != dtype or array.ndim != len(shape):
            got = "none" if array is None else f"{array.dtype} of {array.ndim} dimensions"
        elif any(want not in (-1, has) for want, has in zip(shape, array.shape, strict=True)):
            got = f"shape {array.shape}"
        else:
            return array
        expected = f"{np.dtype(dtype)} of shape {shape}"
        raise CorruptIndexError(f"{self.path}: expected {name} as {expected}, got {got}; restore the file")

    def _header_text(self, digest: str | None) -> bytes:
        """Return the header, after comparing it with the digest that the file goes by."""
        length = int.from_bytes(self._map[:8], "little")
        if len(self._map) < 8 or length > min(MAX_HEADER_BYTES, len(self._map) - 8):
            raise CorruptIndexError(
                f"{self.path}: expected a header within {len(self._map)} bytes, got a length of {length}"
            )
        text = self._map[8 : 8 + length]
        got = hashlib.sha256(text).hexdigest()
        if digest is not None and got != digest:
            raise CorruptIndexError(f"{self.path}: the header has SHA-256 {got}, expected {digest}; restore the file")
        return text

    def _parse(self, text: bytes) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return arrays and facts, checked against the size of the file."""
        try:
            header = json.loads(text)
            metadata = header.pop("__metadata__")
            kind, version = metadata["format"], metadata["version"]
            known = VERSIONS if kind == FORMAT else VERSIONS[:1]
            if kind != self.kind or version not in known:
                raise UnknownFormatError(
                    f"{self.path}: format {_bare(kind)} version {_bare(version)} is unknown to this reader "
                    f"(reads {self.kind} {' and '.join(known)}); upgrade hashcore"
                )
            self.version = int(version)
            facts = dict(json.loads(metadata["facts"]))
            if facts["sha256"].keys() != header.keys():
                raise ValueError("the digests are not those of the arrays")
            self._check_size(8 + len(text) + _end_of(header))
            return {name: self._view(8 + len(text), entry) for name, entry in header.items()}, facts
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise CorruptIndexError(
                f"{self.path}: the header is not a shard's ({brief(error, 300)}); restore the file"
            ) from None

    def _check_size(self, expected: int) -> None:
        """Raise CorruptIndexError unless the file has so many bytes."""
        if expected != len(self._map):
            raise CorruptIndexError(
                f"{self.path}: expected {brief(expected)} bytes, got {len(self._map)}; restore the file"
            )

    def _view(self, base: int, entry: dict[str, Any]) -> Array:
        """Return one array, whose place is checked, as a view of the mapped file."""
        dtype, shape, (begin, end) = DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        is_shape = all(type(length) is int and length >= 0 for length in shape)
        if not is_shape or end - begin != math.prod(shape) * dtype.itemsize or (base + begin) % dtype.itemsize:
            raise ValueError(f"array of shape {shape} at {begin}:{end}")
        flat: Array = np.frombuffer(self._map, dtype, math.prod(shape), base + begin)
        return flat.reshape(shape)


def _end_of(header: dict[str, Any]) -> int:
    """Return where the arrays of a header end, which follow each other from 0 on; raise ValueError if they do not."""
    end = 0
    for begin, after in sorted(entry["data_offsets"] for entry in header.values() if entry.keys() == ENTRY):
        if type(begin) is not int or type(after) is not int or begin != end or after < begin:
            raise ValueError(f"an array at {begin}:{after}, expected one at {end}")
        end = after
    if any(entry.keys() != ENTRY for entry in header.values()):
        raise ValueError("an array with other fields than dtype, shape and data_offsets")
    return end


def _bare(value: object) -> str:
    """Return a value as an error shows it, without quotes."""
    return brief(value).strip("'")


def array_digest(array: Array) -> str:
    """Return the SHA-256 of the bytes of an array of any shape, hexadecimal."""
    return hashlib.sha256(_bytes(array)).hexdigest()


def _bytes(array: Array) -> memoryview:
    """Return an array's bytes, as a flat view."""
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))  # type: ignore[arg-type]
