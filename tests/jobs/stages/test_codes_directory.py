"""Codes directories: what is read is what was written, in any division into chunks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_codes import make, same

from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from jobs.stages import codes_directory
from jobs.stages.codes_directory import Piece


@pytest.mark.parametrize("labels", [True, False])
def test_what_is_read_is_what_was_written(tmp_path, labels):
    made = make(tmp_path / "codes", labels=labels)
    same(codes_directory.read(str(tmp_path / "codes")), made)


@pytest.mark.parametrize("rows_per_chunk", [1, 2, 3, 7, 8, 100])
def test_chunks_hold_every_row_once_and_in_order(tmp_path, rows_per_chunk):
    made = make(tmp_path / "codes")
    chunks = codes_directory.plan(str(tmp_path / "codes"), rows_per_chunk)
    parts = [codes_directory.read_chunk(chunk, 12) for chunk in chunks]
    sizes = [len(part.ids) for part in parts]
    assert max(sizes) <= rows_per_chunk
    assert max(sizes) - min(sizes) <= 1
    same(
        codes_directory.CodeRows(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.codes for part in parts]),
            Labels.concatenate([part.labels for part in parts]),
        ),
        made,
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.data())
def test_pieces_cut_out_the_rows_asked_for(sizes, data):
    files = [(f"file {number}", rows) for number, rows in enumerate(sizes)]
    rows = [(name, row) for name, size in files for row in range(size)]
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    cut = [
        (piece.path, row)
        for piece in codes_directory.pieces(files, start, stop)
        for row in range(piece.start, piece.stop)
    ]
    assert cut == rows[start:stop]


def test_a_piece_across_row_groups_is_read_whole(tmp_path):
    made = make(tmp_path / "codes", files=(9,), rows_per_group=4)
    path = str(tmp_path / "codes" / codes_directory.DATA / "part-00000.parquet")
    assert np.array_equal(codes_directory.read_chunk((Piece(path, 3, 9),), 12).ids, made.ids[3:9])


def test_info_survives_the_disk(tmp_path):
    make(tmp_path / "codes")
    assert codes_directory.read_info(str(tmp_path / "codes")).rows == 8


def test_missing_info_says_what_to_run(tmp_path):
    with pytest.raises(InvalidInputError, match=r"codes\.json is missing; run `hashcore encode`"):
        codes_directory.read_info(str(tmp_path))


def test_damaged_info_is_refused(tmp_path):
    (tmp_path / codes_directory.INFO).write_text('{"code_length": 8')
    with pytest.raises(InvalidInputError, match="damaged"):
        codes_directory.read_info(str(tmp_path))


def test_a_directory_without_rows_is_refused(tmp_path):
    make(tmp_path / "codes", files=(0,))
    with pytest.raises(InvalidInputError, match="holds no codes"):
        codes_directory.plan(str(tmp_path / "codes"), 10)


def test_a_lost_file_is_noticed(tmp_path):
    make(tmp_path / "codes")
    (tmp_path / "codes" / codes_directory.DATA / "part-00002.parquet").unlink()
    with pytest.raises(InvalidInputError, match=r"holds 5 codes but its codes\.json says 8"):
        codes_directory.plan(str(tmp_path / "codes"), 10)


def test_a_truncated_file_is_named(tmp_path):
    make(tmp_path / "codes")
    path = tmp_path / "codes" / codes_directory.DATA / "part-00000.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidInputError, match=r"part-00000\.parquet is no Parquet file"):
        codes_directory.plan(str(tmp_path / "codes"), 10)


def test_another_code_length_is_refused(tmp_path):
    make(tmp_path / "codes")
    with pytest.raises(InvalidInputError, match="a code is not 3 bytes long, as 20 bits take"):
        codes_directory.read_chunk(codes_directory.plan(str(tmp_path / "codes"), 10)[0], 20)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [1, 2]}, "lacks column code"),
        ({"id": [1, None], "code": [b"ab", b"cd"]}, "1 ids in id are null"),
        ({"id": [1.0, 2.0], "code": [b"ab", b"cd"]}, "ids in id are double"),
        ({"id": [1, 2], "code": [b"a\0", None]}, "1 codes are null"),
        ({"id": [1, 2], "code": [b"a\0", b"abc"]}, "not 2 bytes long"),
        ({"id": [1, 2], "code": [b"a\0", b"a\xff"]}, "beyond code_length=12"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, columns, message):
    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(InvalidInputError, match=message) as caught:
        codes_directory.read_chunk((Piece(str(path), 0, 2),), 12)
    assert "odd.parquet" in str(caught.value)
