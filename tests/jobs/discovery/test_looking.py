"""What a file or folder holds is guessed from a look at it, in every format and type that people have."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from corpus_rows import write_tar
from looked_at import (
    BITS,
    CLASSES,
    HEX,
    KEYS,
    NAMES,
    PACKED,
    ROWS,
    VECTORS,
    WIDTH,
    csv,
    folder_of_images,
    json_lines,
    parquet,
)
from looked_at import lists as of
from pictures import png

from hashcore.errors import InvalidInputError
from jobs import cli
from jobs.discovery.looking import look

PNG = png(np.zeros((8, 8), np.uint8))
NUMBERS = BITS @ (1 << np.arange(64, dtype=np.uint64))

COLUMNS = {
    "float16": (of(VECTORS.astype(np.float16), pa.float16()), "vector", WIDTH, ""),
    "float64": (of(VECTORS, pa.float64()), "vector", WIDTH, ""),
    "small int8": (of((VECTORS * 3).astype(np.int8), pa.int8()), "vector", WIDTH, ""),
    "fixed-size lists": (pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), WIDTH), "vector", WIDTH, ""),
    "PNG": (pa.array([PNG] * ROWS), "image", 0, ""),
    "bytes and paths": (pa.array([{"bytes": PNG, "path": None}] * ROWS), "image", 0, ""),
    "binary": (pa.array([row.tobytes() for row in PACKED]), "codes", 64, "packed"),
    "fixed-size binary": (pa.array([row.tobytes() for row in PACKED], pa.binary(8)), "codes", 64, "packed"),
    "ubinary": (of(PACKED, pa.uint8()), "codes", 64, "packed"),
    "int8 less 128": (of((PACKED.astype(np.int16) - 128).astype(np.int8), pa.int8()), "codes", 64, "packed"),
    "hexadecimal": (pa.array(HEX), "codes", 64, "hex"),
    "0x": (pa.array([f"0X{each.upper()}" for each in HEX]), "codes", 64, "hex"),
    "uint64": (pa.array(NUMBERS), "codes", 64, "integer"),
    "bool lists": (of(BITS.astype(bool), pa.bool_()), "codes", 64, "bits"),
    "±1": (of(2.0 * BITS - 1, pa.float32()), "codes", 64, "bits"),
    "lists of names": (pa.array([["a", "b"][: 1 + number % 2] for number in range(ROWS)]), "tags", 0, ""),
    "lists of numbers": (pa.array([list(range(number % 4)) for number in range(ROWS)]), "tags", 0, ""),
    "texts": (pa.array([f"some words {number}" for number in range(ROWS)]), "other", 0, ""),
    "nothing": (pa.nulls(ROWS, pa.string()), "other", 0, ""),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_parquet_has_its_role(tmp_path, name):
    values, role, width, encoding = COLUMNS[name]
    seen = look(str(parquet(tmp_path / "a.parquet", thing=values)))
    column = seen.named("thing")
    assert (column.role, column.width, column.encoding) == (role, width, encoding)
    assert (seen.rows, seen.of("id").name) == (ROWS, "url")


LABELS = {
    "numbers": (pa.array(CLASSES), False),
    "names": (pa.array(NAMES).dictionary_encode(), False),
    "lists": (pa.array([[int(label), 7] for label in CLASSES]), False),
    "0 and 1": (of(np.eye(3, dtype=np.int64)[CLASSES]), True),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_told_by_name_and_type(tmp_path, name):
    values, is_hot = LABELS[name]
    column = look(str(parquet(tmp_path / "a.parquet", features=of(VECTORS), label=values))).of("labels")
    assert (column.name, column.is_hot) == ("label", is_hot)


def test_names_that_few_rows_have_are_perhaps_labels(tmp_path):
    seen = look(str(parquet(tmp_path / "a.parquet", section=pa.array(NAMES))))
    assert seen.of("labels") is None
    assert seen.named("section").told == "perhaps labels: 3 names in 60 rows"


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"id": range(ROWS), "other_id": KEYS}, "id"),
        ({"docid": KEYS, "index": range(ROWS)}, "docid"),
        ({"package": [f"p{number}" for number in range(ROWS)], "row": [0] * ROWS}, "package"),
        ({"count": [1] * ROWS, "index": range(ROWS)}, "index"),
        ({"id": [None, *range(1, ROWS)], "n": range(ROWS)}, "n"),
        ({"count": [1] * ROWS}, None),
    ],
)
def test_ids_are_the_likeliest_column_whose_values_are_there_once(tmp_path, columns, chosen):
    pq_columns = {name: pa.array(list(values)) for name, values in columns.items()}
    path = parquet(tmp_path / "a.parquet", url=pa.array(["same"] * ROWS), features=of(VECTORS), **pq_columns)
    found = look(str(path)).of("id")
    assert (found and found.name) == chosen


def test_paths_that_name_the_rows_stay_the_images(tmp_path):
    folder_of_images(tmp_path / "photos")
    paths = [f"photos/{name}/{number}.png" for number, name in enumerate(NAMES)]
    seen = look(str(parquet(tmp_path / "a.parquet", path=pa.array(paths))))
    assert (seen.of("id").name, seen.of("image").name) == ("url", "path")
    assert set(seen.sizes) == {(32, 32)}


def test_a_folder_of_images_has_paths_and_classes(tmp_path):
    seen = look(str(folder_of_images(tmp_path / "photos", side=16)))
    assert [seen.of(role).name for role in ("id", "image", "labels")] == ["id", "image", "labels"]
    assert (seen.format, seen.rows, set(seen.sizes)) == ("images", ROWS, {(16, 16)})


def test_tars_have_keys_images_and_classes(tmp_path):
    members = [(f"{number:03}.{end}", content) for number in range(9) for end, content in (("png", PNG), ("cls", b"2"))]
    write_tar(tmp_path / "a.tar", members)
    seen = look(str(tmp_path / "a.tar"))
    assert [seen.of(role).name for role in ("id", "image", "labels")] == ["id", "image", "labels"]
    assert seen.rows == 9


@pytest.mark.parametrize(
    ("matrix", "role", "width"),
    [(VECTORS, "vector", WIDTH), (PACKED, "codes", 64), (NUMBERS[:, None], "codes", 64), (BITS > 0, "codes", 64)],
)
def test_a_matrix_of_numpy_holds_vectors_or_codes(tmp_path, matrix, role, width):
    np.save(tmp_path / "a.npy", matrix)
    item = look(str(tmp_path / "a.npy")).item()
    assert (item.role, item.width) == (role, width)


def test_b1bin_holds_codes(tmp_path):
    (tmp_path / "a.b1bin").write_bytes(np.array([ROWS, 64], np.uint32).tobytes() + PACKED.tobytes())
    seen = look(str(tmp_path / "a.b1bin"))
    assert (seen.item().encoding, seen.item().width, seen.rows) == ("packed", 64, ROWS)


@pytest.mark.parametrize("write", [csv, json_lines])
def test_text_files_hold_hexadecimal_codes(tmp_path, write):
    seen = look(str(write(tmp_path / ("a.csv" if write is csv else "a.jsonl"), pdq=HEX, category=NAMES)))
    assert (seen.item().encoding, seen.of("id").name, seen.of("labels").name) == ("hex", "url", "category")
    assert seen.rows == ROWS


def test_columns_of_numbers_of_csv_are_vectors_together(tmp_path):
    path = csv(tmp_path / "a.csv", **{f"x{number}": VECTORS[:, number] for number in range(5)}, label=CLASSES)
    assert (look(str(path)).item().name, look(str(path)).item().width) == ("features", 5)


def test_a_digest_is_no_code(tmp_path):
    assert look(str(parquet(tmp_path / "a.parquet", sha256=pa.array(HEX)))).item() is None


def test_rows_of_large_text_files_are_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.discovery.looking.COUNTED_BYTES", 10)
    assert look(str(csv(tmp_path / "a.csv", pdq=HEX))).rows is None


@pytest.mark.parametrize("place", ["nowhere", "empty", "code"])
def test_what_cannot_be_looked_at_is_one_line(tmp_path, capsys, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.rs").write_text("fn main() {}")
    assert cli.main(["inspect", str(tmp_path / place)]) == cli.EXIT_ERROR
    said = capsys.readouterr().err
    assert said.startswith(f"hashcore inspect: {tmp_path / place} ") and said.count("\n") == 1
    with pytest.raises(InvalidInputError):
        look(str(tmp_path / place))
