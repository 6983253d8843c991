"""The reading of codes by their type, a sample and what is said; where two readings are possible, it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH, code_bytes
from hashcore.columns.plain import is_list, plain
from hashcore.errors import InvalidInputError
from jobs.config.sections.importing import BitOrder, Encoding, ImportConfig
from jobs.importing.decoding import Reading

if TYPE_CHECKING:
    import pyarrow as pa

POSSIBLE: dict[str, tuple[Encoding, ...]] = {
    "bytes": ("packed", "hex"),
    "texts": ("hex", "integer", "bits"),
    "numbers": ("integer",),
    "lists": ("packed", "integer", "bits"),
    "": (),
}
LEAST_DIGITS = 16  # of a text that may be a code where no column is named


class Sample(NamedTuple):
    """Some values of a column, looked at.

    Attributes:
        type: Of the column.
        kind: `bytes`, `texts`, `numbers` or `lists`; "" where values of its type are no codes.
        size: Commonest number of bytes, digits or elements of a value.
        values: Numbers that stand in the lists, or bytes of texts without `0x`.
        prefixed: Whether texts begin with `0x`.
        is_even: Whether most values are of that size.
    """

    type: Any
    kind: str
    size: int
    values: NDArray[Any]
    prefixed: bool = False
    is_even: bool = True

    def among(self, *allowed: int) -> bool:
        """Return whether all values are among some."""
        return bool(np.isin(self.values, allowed).all())

    def are(self, characters: str) -> bool:
        """Return whether all values of texts are among some characters."""
        return len(self.values) > 0 and self.among(*characters.encode())


def look(columns: Sequence[pa.Array]) -> Sample:
    """Return a sample of a column: the values of some batches together."""
    import pyarrow as pa

    arrays = [plain(column).drop_null() for column in columns]
    kind = next((array.type for array in arrays if len(array)), arrays[0].type if arrays else pa.null())
    arrays = [array for array in arrays if array.type == kind and len(array)]
    if is_list(kind):
        held = [each for array in arrays for each in array.to_pylist()]
        inner = kind.value_type
        is_number = pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner)
        values = [value for each in held for value in each if value is not None] if is_number else []
        size = _commonest(map(len, held))
        is_even = sum(len(each) == size for each in held) > len(held) / 2
        return Sample(kind, "lists" if is_number else "", size, np.array(values), is_even=is_even)
    held = [value for array in arrays for value in array.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return Sample(kind, "bytes", _commonest(map(len, held)), np.frombuffer(b"".join(held), np.uint8))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        digits = [text[2:] if text[:2] in ("0x", "0X") else text for text in held]
        joined = np.frombuffer("".join(digits).encode(), np.uint8)
        prefixed = any(len(one) < len(other) for one, other in zip(digits, held, strict=True))
        return Sample(kind, "texts", _commonest(map(len, digits)), joined, prefixed)
    if pa.types.is_integer(kind):
        return Sample(kind, "numbers", kind.bit_width, np.array(held))
    return Sample(kind, "", 0, np.array([]))


def _commonest(sizes: Any) -> int:
    """Return the commonest of some sizes, 0 of none."""
    found = Counter(sizes).most_common(1)
    return int(found[0][0]) if found else 0


def likeness(sample: Sample) -> int:
    """Return 2 if the values of a column look like codes, 1 if they may be some, else 0."""
    match sample.kind:
        case "bytes":
            return 2
        case "lists":
            return 0 if not sample.is_even or (_real(sample) and not sample.among(-1, 0, 1)) else 2
        case "texts" if sample.are("0123456789abcdefABCDEF"):
            return 2 if sample.size >= LEAST_DIGITS else 1
        case "numbers" if sample.size == 64:
            return 1
    return 0


def resolve(config: ImportConfig, sample: Sample, where: str, bits: int | None = None) -> Reading:
    """Return how codes are read.

    Args:
        config: What is said.
        sample: What they look like.
        where: File and column, for messages.
        bits: Bits of a code, where the file says it.

    Raises:
        InvalidInputError: If values of this type are no codes, two readings are possible, or what is said does not fit.
    """
    encoding = _encoding(config, sample, where)
    signed = _signed(config, sample, encoding)
    length = _length(config, sample, encoding, where, bits)
    return Reading(encoding, length, config.kind, _bit_order(config, encoding, where), signed)


def _encoding(config: ImportConfig, sample: Sample, where: str) -> Encoding:
    """Return what a value holds."""
    possible = _possible(sample)
    if not possible:
        raise InvalidInputError(
            f"{where} holds {sample.type}, which are no codes{_hint(sample)}; give bytes, hexadecimal digits, whole "
            "numbers, or lists of bytes or of 0/1 or -1/+1, or name another by import.column"
        )
    if config.encoding == "auto":
        likely = _likely(sample, possible)
        if len(likely) > 1:
            raise InvalidInputError(
                f"{where} may hold {' or '.join(likely)}: its values, {sample.type}, look like each; say --set "
                f"import.encoding={likely[0]} or --set import.encoding={likely[1]}"
            )
        return likely[0]
    if config.encoding not in possible:
        raise InvalidInputError(
            f"import.encoding={config.encoding}: {where} holds {sample.type}, which may be {' or '.join(possible)}; "
            "say one of these, or auto"
        )
    return config.encoding


def _hint(sample: Sample) -> str:
    """Return what values may be that are no codes."""
    if _real(sample):
        return ", but embeddings, of which `hashcore train --set train.method=sign` makes codes"
    return ": whole numbers beyond 63 bits are texts in JSON lines" if str(sample.type) == "double" else ""


def _possible(sample: Sample) -> list[Encoding]:
    """Return what values of such a type may hold."""
    if sample.kind == "lists" and _real(sample):
        return ["bits"] if sample.among(-1, 0, 1) else []
    if sample.kind == "lists" and sample.type.value_type.bit_width == 1:
        return ["bits"]
    return list(POSSIBLE[sample.kind])


def _real(sample: Sample) -> bool:
    """Return whether values are lists of numbers with fractions."""
    import pyarrow as pa

    return is_list(sample.type) and bool(pa.types.is_floating(sample.type.value_type))


def _likely(sample: Sample, possible: Sequence[Encoding]) -> list[Encoding]:
    """Return what values hold, by their sample; several where it does not tell."""
    if len(possible) == 1:
        return list(possible)
    if sample.kind == "bytes":
        return ["packed"] if sample.size % 2 or not sample.are("0123456789abcdefABCDEF") else ["packed", "hex"]
    if sample.kind == "texts":
        are_decimal = not sample.prefixed and sample.are("0123456789-")
        other: Encoding = "bits" if sample.are("01") else "integer"
        return ["hex", other] if are_decimal else ["hex"]
    return _likely_of_lists(sample)


def _likely_of_lists(sample: Sample) -> list[Encoding]:
    """Return what lists of whole numbers hold, by their sample."""
    if sample.among(0):
        return ["packed", "bits"]
    if sample.size >= MIN_CODE_LENGTH and (sample.among(0, 1) or sample.among(-1, 0, 1)):
        return ["bits"]
    low, high = (int(sample.values.min()), int(sample.values.max())) if len(sample.values) else (0, 0)
    return ["packed"] if low >= -128 and high <= 255 and (low >= 0 or high < 128) else ["integer"]


def _signed(config: ImportConfig, sample: Sample, encoding: Encoding) -> bool:
    """Return whether packed bytes are stored less 128."""
    if encoding != "packed" or sample.kind != "lists":
        return False
    if config.signed is not None:
        return config.signed
    return str(sample.type.value_type) == "int8" or bool(len(sample.values) and (sample.values < 0).any())


def _length(config: ImportConfig, sample: Sample, encoding: Encoding, where: str, bits: int | None) -> int:
    """Return the bits of a code."""
    per = {"packed": 8, "hex": 4, "bits": 2 if config.kind == "ternary" else 1, "integer": 64}[encoding]
    held = 64 if sample.kind == "texts" else sample.size
    found = bits or (held if encoding == "integer" and sample.kind != "lists" else per * sample.size)
    if encoding == "hex" and sample.size % 2:
        raise InvalidInputError(
            f"{where}: codes have {sample.size} hexadecimal digits, an odd number; give two for each byte"
        )
    length = config.code_length or found
    if not MIN_CODE_LENGTH <= length <= MAX_CODE_LENGTH:
        raise InvalidInputError(
            f"{where}: codes have {length} bits; they may have {MIN_CODE_LENGTH} to {MAX_CODE_LENGTH}"
        )
    fits = length <= found if encoding == "integer" else code_bytes(length) == code_bytes(found)
    if not fits or (encoding == "bits" and length != found):
        raise InvalidInputError(
            f"import.code_length={length}: {where} holds codes of {found} bits; leave it out, or say {found}"
        )
    return length


def _bit_order(config: ImportConfig, encoding: Encoding, where: str) -> BitOrder | None:
    """Return the first bit of a byte, where there are bytes."""
    if encoding in ("integer", "bits"):
        if config.bit_order is not None:
            raise InvalidInputError(
                f"import.bit_order={config.bit_order}: {where} holds {encoding}, whose order is told by "
                "themselves; leave it out"
            )
        return None
    if config.bit_order is None:
        raise InvalidInputError(
            f"{where} holds {encoding} codes, and import.bit_order is not said; say --set import.bit_order=msb where "
            "the first bit is the highest of its byte, as of numpy.packbits and sentence-transformers, or lsb where it "
            "is the lowest, as of faiss.IndexLSH: distances are the same, asymmetric scores are not"
        )
    return config.bit_order
