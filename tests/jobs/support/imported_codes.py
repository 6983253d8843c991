"""Codes as plain lists of bits, the same in every encoding that people write them in, and a pipeline that imports."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.config.pipeline import Pipeline
from jobs.importing import import_codes
from jobs.stages import codes_directory


def pipeline(root, codes, **values):
    sections = {key: values.pop(key) for key in ("index", "search", "evaluate") if key in values}
    return Pipeline.model_validate(
        {"name": "a", "root": str(root), "import": {"codes": str(codes), **values}, **sections}
    )


def imported(root, codes, **values):
    """Import codes and return the rows of the database."""
    import_codes.run(pipeline(root, codes, **values))
    return codes_directory.read(f"{root}/codes/database")


def bits_of(rows, length, seed=0):
    """Draw bits, a list a row."""
    return np.random.default_rng(seed).integers(0, 2, (rows, length)).tolist()


def byte_values(bits, order):
    """Return the bytes of a list of bits, the first one the highest of its byte (msb) or the lowest, by arithmetic."""
    padded = bits + [0] * (-len(bits) % 8)
    groups = [padded[start : start + 8] for start in range(0, len(padded), 8)]
    return [sum(bit << (7 - place if order == "msb" else place) for place, bit in enumerate(group)) for group in groups]


def number(bits):
    return sum(bit << place for place, bit in enumerate(bits))


def found_bits(rows, length):
    """Return the bits that imported codes hold, by arithmetic on their bytes."""
    return [[(int(code[place // 8]) >> (place % 8)) & 1 for place in range(length)] for code in rows.codes]


def forms(bits, order="msb"):
    """Return Arrow columns of the same codes, in each encoding."""
    packed = [byte_values(row, order) for row in bits]
    signs = [[2 * bit - 1 for bit in row] for row in bits]
    return {
        "binary": pa.array(list(map(bytes, packed)), pa.binary()),
        "large binary": pa.array(list(map(bytes, packed)), pa.large_binary()),
        "fixed binary": pa.array(list(map(bytes, packed)), pa.binary(len(packed[0]))),
        "bytes as list": pa.array(packed, pa.list_(pa.uint8())),
        "bytes as fixed list": pa.array(packed, pa.list_(pa.uint8(), len(packed[0]))),
        "bytes as wide list": pa.array(packed, pa.large_list(pa.int64())),
        "bytes less 128": pa.array([[value - 128 for value in row] for row in packed], pa.list_(pa.int8())),
        "hex": pa.array([bytes(row).hex() for row in packed]),
        "upper hex": pa.array([f"0x{bytes(row).hex().upper()}" for row in packed], pa.large_string()),
        "dictionary of hex": pa.array([bytes(row).hex() for row in packed]).dictionary_encode(),
        "0 and 1": pa.array(bits, pa.list_(pa.int32())),
        "signs": pa.array(signs, pa.list_(pa.int8())),
        "signs as floats": pa.array(signs, pa.list_(pa.float32(), len(signs[0]))),
        "bools": pa.array([[bit == 1 for bit in row] for row in bits], pa.list_(pa.bool_())),
    }


def has_order(form):
    """Return whether the first bit of a byte has to be said."""
    return any(word in form for word in ("binary", "bytes", "hex"))


def write_parquet(path, codes, **columns):
    """Write codes and other columns, and return the path."""
    pq.write_table(pa.table({**columns, "code": codes}), path, row_group_size=7)
    return path


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
