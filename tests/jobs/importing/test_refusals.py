"""What cannot be imported is told in one line, and nothing is left half-written."""

from __future__ import annotations

import os
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imported_codes import bits_of, byte_values, imported, write_lines, write_parquet

from hashcore.errors import ConfigError, HashcoreError, InvalidInputError
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.importing import import_codes
from jobs.stages import codes_directory


def hex_of(rows, width=8, seed=0):
    return [bytes(byte_values(row, "msb")).hex() for row in bits_of(rows, 8 * width, seed)]


def refused(root, codes, **values):
    """Return the line that an import is refused with; it leaves nothing."""
    with pytest.raises(HashcoreError) as told:
        imported(root, codes, **values)
    assert "\n" not in str(told.value)
    held = [name for name in os.listdir(root) if name in ("codes",)]
    assert not held or set(os.listdir(root / "codes")) <= {"database.rejected"}
    return str(told.value)


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()])
def test_the_order_of_bits_has_to_be_said_where_there_are_bytes(tmp_path, kind):
    column = pa.array(hex_of(5)) if kind == pa.string() else pa.array([bytes.fromhex(text) for text in hex_of(5)])
    line = refused(tmp_path, write_parquet(tmp_path / "a.parquet", column))
    assert "import.bit_order is not said; say --set import.bit_order=msb where the first bit is the highest" in line
    assert "numpy.packbits" in line


def test_an_order_that_says_nothing_is_refused(tmp_path):
    line = refused(tmp_path, write_parquet(tmp_path / "a.parquet", pa.array(bits_of(4, 32))), bit_order="msb")
    assert "import.bit_order=msb" in line and "leave it out" in line


def test_two_readings_are_asked_about(tmp_path):
    decimal = write_parquet(tmp_path / "a.parquet", pa.array(["1234567890123456", "6543210987654321"]))
    line = refused(tmp_path, decimal, bit_order="msb")
    assert "may hold hex or integer" in line and "--set import.encoding=hex or --set import.encoding=integer" in line
    zeros = write_parquet(tmp_path / "b.parquet", pa.array([[0] * 16], pa.list_(pa.uint8())))
    assert "may hold packed or bits" in refused(tmp_path, zeros, bit_order="msb")
    digits = write_parquet(tmp_path / "c.parquet", pa.array([text.encode() for text in hex_of(3)]))
    assert "may hold packed or hex" in refused(tmp_path, digits, bit_order="msb")


def test_an_odd_number_of_digits_is_refused(tmp_path):
    column = pa.array([text[:-1] for text in hex_of(5)])
    line = refused(tmp_path, write_parquet(tmp_path / "a.parquet", column), bit_order="msb")
    assert "codes have 15 hexadecimal digits, an odd number; give two for each byte" in line


def test_too_many_codes_of_another_length_are_refused_and_listed(tmp_path):
    column = pa.array([*hex_of(90), *hex_of(10, 4)])
    line = refused(tmp_path, write_parquet(tmp_path / "a.parquet", column), bit_order="msb")
    assert (
        "10 of 100 rows are bad, more than import.max_rejected_share=0.01: 8 hexadecimal digits, where codes have 16"
        in line
    )
    assert "--set import.max_rejected_share=0.1" in line
    assert pq.read_table(tmp_path / "codes" / "database.rejected").column("id").to_pylist() == list(range(90, 100))


def test_rows_that_are_no_codes_are_rejected_each_with_its_reason(tmp_path):
    good = hex_of(60)
    bad = [None, "xyz", good[0][:-1], good[0][:-2], "g" * 16]
    rows = imported(
        tmp_path,
        write_parquet(tmp_path / "a.parquet", pa.array([*good, *bad])),
        bit_order="lsb",
        max_rejected_share=0.1,
    )
    assert len(rows.ids) == 60
    rejected = pq.read_table(tmp_path / "codes" / "database" / "rejected").sort_by("id")
    assert rejected.column("id").to_pylist() == list(range(60, 65))
    assert rejected.column("reason").to_pylist() == [
        "no code",
        "3 hexadecimal digits, where codes have 16",
        "15 hexadecimal digits, where codes have 16",
        "14 hexadecimal digits, where codes have 16",
        "characters that are no hexadecimal digits",
    ]


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        ([0, 1, 2, 1] * 4, pa.int32(), "values that are neither all 0 and 1 nor all -1 and +1"),
        ([0, 1, -1, 1] * 4, pa.int32(), "values that are neither all 0 and 1 nor all -1 and +1"),
        ([0.5, 1, 0, 1] * 4, pa.float32(), "values that are neither all 0 and 1 nor all -1 and +1"),
        ([float("nan"), 1, 0, 1] * 4, pa.float64(), "values that are neither all 0 and 1 nor all -1 and +1"),
        ([None, 1, 0, 1] * 4, pa.int8(), "null among its bits"),
        ([1, 0], pa.int8(), "2 bits, where codes have 16"),
    ],
)
def test_lists_that_are_no_bits_are_rejected(tmp_path, values, kind, reason):
    lists = pa.array([*bits_of(600, 16), values], pa.list_(kind))
    rows = imported(tmp_path, write_parquet(tmp_path / "a.parquet", lists), encoding="bits")
    assert len(rows.ids) == 600
    assert pq.read_table(tmp_path / "codes" / "database" / "rejected").to_pylist() == [{"id": 600, "reason": reason}]


def test_bytes_and_numbers_beyond_a_code_are_rejected(tmp_path):
    wide = [*[byte_values(row, "lsb") for row in bits_of(500, 16)], [3, 256]]
    imported(tmp_path / "a", write_parquet(tmp_path / "a.parquet", pa.array(wide)), bit_order="lsb")
    numbers = pa.array([*range(1 << 20, (1 << 20) + 500), 1 << 40], pa.int64())
    imported(tmp_path / "b", write_parquet(tmp_path / "b.parquet", numbers), code_length=32)
    high = pa.array([*[bytes([row % 256, row % 16]) for row in range(500)], bytes([0, 16])], pa.binary())
    imported(tmp_path / "c", write_parquet(tmp_path / "c.parquet", high), bit_order="lsb", code_length=12)
    reasons = [pq.read_table(tmp_path / name / "codes" / "database" / "rejected").to_pylist() for name in "abc"]
    assert [row["reason"] for each in reasons for row in each] == [
        "bytes that are not within 0..255",
        "a number beyond 32 bits",
        "bits beyond the 12 of a code",
    ]


def test_embeddings_are_no_codes(tmp_path):
    column = pa.array(np.random.default_rng(0).random((4, 8)).tolist())
    line = refused(tmp_path, write_parquet(tmp_path / "a.parquet", column), column="code")
    assert "which are no codes, but embeddings, of which `hashcore train --set train.method=sign` makes codes" in line


def test_a_column_is_named_where_none_or_several_may_hold_codes(tmp_path):
    several = write_parquet(tmp_path / "a.parquet", pa.array(hex_of(4)), other=pa.array(hex_of(4, seed=1)))
    line = refused(tmp_path, several, bit_order="msb")
    assert "several columns may hold codes, other, code; say --set import.column=other" in line
    none = write_parquet(tmp_path / "b.parquet", pa.array(["a cat", "a dog"]), title=pa.array(["x y", "z"]))
    assert "no column looks like codes; say --set import.column=NAME; it has title, code" in refused(tmp_path, none)
    texts = write_parquet(tmp_path / "c.parquet", pa.array(hex_of(4)), title=pa.array(["The x", "y", "z", "w"]))
    assert len(imported(tmp_path, texts, bit_order="msb").ids) == 4


@pytest.mark.parametrize(
    ("key", "said"), [("column", "import.column"), ("id", "import.id"), ("labels", "import.labels")]
)
def test_a_column_that_is_not_there_is_named_with_its_key(tmp_path, key, said):
    path = write_parquet(tmp_path / "a.parquet", pa.array(hex_of(4)))
    assert f"has no column nowhere ({said}); it has" in refused(tmp_path, path, bit_order="msb", **{key: "nowhere"})


def test_null_ids_are_refused(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", pa.array(hex_of(3)), key=pa.array(["a", None, "b"]))
    assert "1 ids in key are null; give every row one" in refused(tmp_path, path, bit_order="msb", id="key")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl"])
def test_files_without_rows_are_refused(tmp_path, name):
    path = tmp_path / name
    if name == "a.parquet":
        write_parquet(path, pa.array([], pa.string()))
    else:
        path.write_text("code\n" if name == "a.csv" else "")
    assert str(path) in refused(tmp_path, path, bit_order="msb", column="code", encoding="hex", code_length=64)


def test_a_place_without_codes_is_told(tmp_path):
    assert f"{tmp_path / 'no.npy'} does not exist; correct import.codes" in refused(tmp_path, tmp_path / "no.npy")
    with pytest.raises(ConfigError, match=r"import\.codes is not said; name a file or folder of codes"):
        import_codes.run(Pipeline.model_validate({"name": "a", "root": str(tmp_path)}))


def test_a_b1bin_file_that_is_cut_short_is_told(tmp_path):
    (tmp_path / "a.b1bin").write_bytes(struct.pack("<II", 5, 64) + bytes(39))
    line = refused(tmp_path, tmp_path / "a.b1bin", bit_order="lsb")
    assert "has 47 bytes where its header says 5 rows of 64 bits or bytes; copy it again" in line


def test_a_length_that_the_codes_have_not_is_told(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", pa.array(hex_of(5)))
    line = refused(tmp_path, path, bit_order="msb", code_length=128)
    assert "import.code_length=128" in line and "holds codes of 64 bits; leave it out, or say 64" in line


def test_queries_that_are_read_otherwise_are_refused(tmp_path):
    database = write_parquet(tmp_path / "a.parquet", pa.array(hex_of(5)))
    queries = write_parquet(tmp_path / "b.parquet", pa.array(bits_of(3, 64)))
    with pytest.raises(
        InvalidInputError, match=r"bit_order=msb: .* holds bits, whose order is told by themselves; leave it out"
    ):
        imported(tmp_path, database, queries=str(queries), bit_order="msb")


def test_an_unknown_key_of_import_is_told_with_those_it_has(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("name: a\nimport: {code: x, kind: dense}\n")
    assert cli.main(["import", "--config", str(tmp_path / "a.yaml")]) == 2
    line = capsys.readouterr().err
    assert "import.code" in line and "bit_order" in line
    assert codes_directory.INFO not in os.listdir(tmp_path)


def test_json_lines_with_other_types_are_rejected_row_by_row(tmp_path):
    rows = [{"code": text} for text in hex_of(200)] + [{"id": 3}, {"code": "zz"}]
    imported(tmp_path, write_lines(tmp_path / "a.jsonl", rows), bit_order="msb", column="code")
    found = pq.read_table(tmp_path / "codes" / "database" / "rejected").sort_by("id").column("reason").to_pylist()
    assert found == ["no code", "2 hexadecimal digits, where codes have 16"]


def test_numbers_of_json_that_are_too_large_for_it_are_told(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", [{"code": 5}, {"code": (1 << 64) - 1}])
    assert "holds double, which are no codes: whole numbers beyond 63 bits are texts in JSON lines" in refused(
        tmp_path, path
    )
