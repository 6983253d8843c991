"""Codes of every encoding and format become the codes that plain arithmetic on their bits gives."""

from __future__ import annotations

import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imported_codes import (
    bits_of,
    byte_values,
    forms,
    found_bits,
    has_order,
    imported,
    number,
    write_lines,
    write_parquet,
)

from jobs.stages import codes_directory

ROWS = 23
FORMS = list(forms(bits_of(1, 64)))


@pytest.mark.parametrize("length", [24, 64, 256])
@pytest.mark.parametrize("form", FORMS)
def test_every_encoding_in_parquet_is_read_as_its_bits(tmp_path, form, length):
    bits = bits_of(ROWS, length)
    order = {"bit_order": "msb"} if has_order(form) else {}
    rows = imported(tmp_path, write_parquet(tmp_path / "a.parquet", forms(bits)[form]), **order)
    assert found_bits(rows, length) == bits
    assert rows.ids.tolist() == list(range(ROWS))


@pytest.mark.parametrize("form", [form for form in FORMS if has_order(form)])
def test_the_order_that_is_said_decides_which_bit_is_first(tmp_path, form):
    bits = bits_of(ROWS, 40)
    rows = imported(tmp_path, write_parquet(tmp_path / "a.parquet", forms(bits, "lsb")[form]), bit_order="lsb")
    assert found_bits(rows, 40) == bits
    assert codes_directory.read_info(str(tmp_path / "codes" / "database")).bit_order == "lsb"


def test_a_code_length_that_is_no_multiple_of_8_is_said(tmp_path):
    bits = bits_of(ROWS, 20)
    rows = imported(
        tmp_path, write_parquet(tmp_path / "a.parquet", forms(bits)["hex"]), bit_order="msb", code_length=20
    )
    assert found_bits(rows, 20) == bits


@pytest.mark.parametrize("kind", [pa.uint64(), pa.int64()])
def test_whole_numbers_are_codes_whose_bit_i_is_bit_i(tmp_path, kind):
    bits = bits_of(ROWS, 64)
    values = np.array([number(row) for row in bits], np.uint64)
    column = pa.array(values if kind == pa.uint64() else values.view(np.int64), kind)
    assert found_bits(imported(tmp_path, write_parquet(tmp_path / "a.parquet", column)), 64) == bits


@pytest.mark.parametrize(
    "form", ["uint8", "int8", "bool", "float16", "signs", "uint64", "int64", "column of uint64", "Fortran column"]
)
def test_numpy_files_are_read_as_their_bits(tmp_path, form):
    bits = bits_of(ROWS, 64)
    packed = np.array([byte_values(row, "msb") for row in bits], np.uint8)
    numbers = np.array([number(row) for row in bits], np.uint64)
    arrays = {
        "uint8": packed,
        "int8": (packed.astype(np.int16) - 128).astype(np.int8),
        "bool": np.array(bits, bool),
        "float16": np.array(bits, np.float16),
        "signs": 2 * np.array(bits, np.int8) - 1,
        "uint64": numbers,
        "int64": numbers.view(np.int64),
        "column of uint64": numbers[:, None],
        "Fortran column": np.asfortranarray(numbers[:, None]),
    }
    np.save(tmp_path / "a.npy", arrays[form])
    order = {"bit_order": "msb"} if form in ("uint8", "int8") else {}
    assert found_bits(imported(tmp_path, tmp_path / "a.npy", **order), 64) == bits


def test_what_sentence_transformers_call_binary_is_ubinary_less_128(tmp_path):
    embeddings = np.random.default_rng(0).standard_normal((ROWS, 64))
    ubinary = np.packbits(embeddings > 0, axis=-1)
    np.save(tmp_path / "u.npy", ubinary)
    np.save(tmp_path / "b.npy", (ubinary - 128).astype(np.int8))
    both = [imported(tmp_path / name, tmp_path / f"{name}.npy", bit_order="msb") for name in ("u", "b")]
    assert both[0].codes.tolist() == both[1].codes.tolist()
    assert found_bits(both[1], 64) == (embeddings > 0).astype(int).tolist()
    infos = [codes_directory.read_info(str(tmp_path / name / "codes" / "database")) for name in ("u", "b")]
    assert infos[0].hasher_fingerprint == infos[1].hasher_fingerprint


@pytest.mark.parametrize("form", ["hex", "decimal", "digits 0 and 1"])
def test_csv_as_pandas_writes_it_is_read_as_its_bits(tmp_path, form):
    bits = bits_of(ROWS, 64)
    texts = {
        "hex": [bytes(byte_values(row, "msb")).hex() for row in bits],
        "decimal": [str(number(row)) for row in bits],
        "digits 0 and 1": ["".join(map(str, row)) for row in bits],
    }
    said = {"hex": {"bit_order": "msb"}, "decimal": {"encoding": "integer"}, "digits 0 and 1": {"encoding": "bits"}}
    keys = [f"item {row}" for row in range(ROWS)]
    pd.DataFrame({"key": keys, "code": texts[form]}).to_csv(tmp_path / "a.csv", index=False)
    rows = imported(tmp_path, tmp_path / "a.csv", id="key", column="code", **said[form])
    assert found_bits(rows, 64) == bits
    assert rows.ids.to_pylist() == keys


def test_hexadecimal_digits_that_look_like_numbers_keep_their_zeros(tmp_path):
    (tmp_path / "a.csv").write_text("code\n0012345678901234\n1e12345678901234\n")
    rows = imported(tmp_path, tmp_path / "a.csv", bit_order="lsb", encoding="hex")
    assert [code.tobytes().hex() for code in rows.codes] == ["0012345678901234", "1e12345678901234"]


@pytest.mark.parametrize("form", ["hex", "integer", "bytes", "less 128", "bits"])
def test_json_lines_are_read_as_their_bits(tmp_path, form):
    bits = [[*row[:-1], 0] for row in bits_of(ROWS, 64)]  # JSON has no whole numbers beyond 63 bits for Arrow
    values = {
        "hex": lambda row: bytes(byte_values(row, "msb")).hex(),
        "integer": number,
        "bytes": lambda row: byte_values(row, "msb"),
        "less 128": lambda row: [value - 128 for value in byte_values(row, "msb")],
        "bits": list,
    }
    order = {"bit_order": "msb"} if form in ("hex", "bytes", "less 128") else {}
    write_lines(tmp_path / "a.jsonl", [{"id": 7 * at, "code": values[form](row)} for at, row in enumerate(bits)])
    rows = imported(tmp_path, tmp_path / "a.jsonl", id="id", **order)
    assert found_bits(rows, 64) == bits
    assert rows.ids.tolist() == [7 * at for at in range(ROWS)]


@pytest.mark.parametrize(("length", "said"), [(64, 64), (64, 8), (20, 20)], ids=["bits", "bytes", "20 bits"])
def test_b1bin_files_are_read_whether_their_header_says_bits_or_bytes(tmp_path, length, said):
    bits = bits_of(ROWS, length)
    packed = b"".join(bytes(byte_values(row, "lsb")) for row in bits)
    (tmp_path / "a.b1bin").write_bytes(struct.pack("<II", ROWS, said) + packed)
    assert found_bits(imported(tmp_path, tmp_path / "a.b1bin", bit_order="lsb"), length) == bits


def test_rows_of_several_files_are_numbered_in_their_order(tmp_path):
    bits, folder = bits_of(30, 32), tmp_path / "codes in files"
    folder.mkdir()
    for place in range(3):
        write_parquet(folder / f"{place}.parquet", forms(bits[10 * place : 10 * place + 10])["hex"])
    rows = imported(tmp_path, folder, bit_order="msb")
    assert dict(zip(rows.ids.tolist(), found_bits(rows, 32), strict=True)) == dict(enumerate(bits))


def test_matrices_beside_metadata_take_its_ids_or_are_numbered(tmp_path):
    bits, folder = bits_of(ROWS, 32), tmp_path / "both"
    folder.mkdir()
    np.save(folder / "0.npy", np.array([byte_values(row, "msb") for row in bits], np.uint8))
    pq.write_table(pa.table({"key": [f"k{row}" for row in range(ROWS)]}), folder / "0.parquet")
    keyed = imported(tmp_path / "keyed", folder, bit_order="msb", id="key")
    counted = imported(tmp_path / "counted", folder, bit_order="msb")
    assert (keyed.ids.to_pylist()[-1], counted.ids.tolist()) == (f"k{ROWS - 1}", list(range(ROWS)))
    assert found_bits(keyed, 32) == found_bits(counted, 32) == bits


def test_ternary_codes_are_lists_of_minus_1_0_and_1(tmp_path):
    values = np.random.default_rng(0).integers(-1, 2, (ROWS, 16)).tolist()
    rows = imported(tmp_path, write_parquet(tmp_path / "a.parquet", pa.array(values)), kind="ternary")
    assert found_bits(rows, 32) == [[*(v == 1 for v in row), *(v == -1 for v in row)] for row in values]


@pytest.mark.parametrize("labels", [[3, 4], [[1, 2], []], ["cat", "ant"]])
def test_labels_come_along(tmp_path, labels):
    column = pa.array(bits_of(2, 32))
    rows = imported(tmp_path, write_parquet(tmp_path / "a.parquet", column, tag=pa.array(labels)), labels="tag")
    names = codes_directory.read_info(str(tmp_path / "codes" / "database")).vocabulary
    found = [row.as_py() if hasattr(row, "as_py") else list(row) for row in rows.labels.to_arrow()]
    assert [[names[label] for label in row] if names else row for row in found] == [
        each if isinstance(each, list) else [each] for each in labels
    ]


def test_lists_of_tags_are_not_taken_for_codes(tmp_path):
    tags = pa.array([list(range(row % 5)) for row in range(ROWS)])
    bits = bits_of(ROWS, 64)
    assert found_bits(imported(tmp_path, write_parquet(tmp_path / "a.parquet", pa.array(bits), tags=tags)), 64) == bits
