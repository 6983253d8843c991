"""Training sets bad rows aside, counts them, and fails where they are too many."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from pictures import png
from training_corpus import COUPLED, ROWS, pipeline, two_views, write

from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from jobs import train
from jobs.telemetry.run_record import listed


def mixed_sizes(good, bad):
    """Images of 4 × 3 pixels of two classes, among others that are larger."""
    pixels = np.random.default_rng(0).integers(0, 100, (good + bad, 5, 3), np.uint8)
    pixels[::2] += 100
    images = [png(image[:4] if row < good else image) for row, image in enumerate(pixels)]
    return {"id": np.arange(good + bad), "image": images, "labels": [[row % 2] for row in range(good + bad)]}


@pytest.mark.parametrize("values", [{}, {"method": "lsh", "code_length": 8}])
def test_rejected_rows_are_counted_and_kept_and_told_in_the_line(tmp_path, capsys, values):
    write(tmp_path, mixed_sizes(ROWS - 2, 2))
    made = pipeline(tmp_path, modality="image", resize="none", **values)
    train.run(made)
    said = "2 rejected: image of 3 x 5 where 3 x 4 is needed: 2 rows (ids 198, 199) ->"
    out = capsys.readouterr().out
    assert said in out and f"bits from {ROWS - 2} items by" in out
    assert [row["id"] for row in pq.read_table(tmp_path / "hasher" / "rejected").to_pylist()] == [198, 199]
    assert Hasher.load(made.paths.hasher).provenance["rows"] == ROWS - 2
    assert [run.rejected for run in listed(str(tmp_path))] == [2]
    assert not (tmp_path / "hasher.rejected").exists()


def test_pictures_of_mixed_sizes_are_told_by_their_sizes_and_not_by_their_labels(tmp_path):
    write(tmp_path, mixed_sizes(60, 40))
    with pytest.raises(InvalidInputError) as caught:
        train.run(pipeline(tmp_path, modality="image", resize="none"))
    assert str(caught.value) == (
        f"{tmp_path}/corpus/train: 40 of 100 rows are bad, more than train.max_rejected_share=0.01: image of 3 x 5 "
        f"where 3 x 4 is needed: 40 rows (ids 60, 61, 62, 63, 64, …); all are listed in {tmp_path}/hasher.rejected; "
        "mend them, or go on without them by --set train.max_rejected_share=0.4"
    )
    assert pq.read_table(tmp_path / "hasher.rejected").num_rows == 40


def test_rows_of_several_modalities_are_told_by_the_one_in_which_they_are_bad(tmp_path, capsys):
    held = two_views()
    held["text"][7] = None
    held["features"][9] = [1.0]
    write(tmp_path, held)
    train.run(pipeline(tmp_path, **COUPLED))
    said = "2 rejected: features: 1 values where 5 are needed: 1 row (id 9), text: null: 1 row (id 7)"
    assert said in capsys.readouterr().out
