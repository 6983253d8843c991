"""Images of a corpus: their size and channels are chosen by all of it, or said."""

from __future__ import annotations

import os
import shutil
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import training_corpus
from PIL import Image

from hashcore.errors import InvalidInputError
from jobs.page.thumbnails import thumbnails
from jobs.training import reading
from jobs.training.source import find


def png(seed, mode="L", size=(4, 3)):
    buffer = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, format="PNG")
    return buffer.getvalue()


def images(root, pictures, **train):
    folder = root / "corpus" / "train"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    held = pa.table(
        {"id": range(len(pictures)), "image": pictures, "labels": [row % 2 for row in range(len(pictures))]}
    )
    pq.write_table(held, folder / "0.parquet", row_group_size=10)
    return training_corpus.pipeline(root, modality="image", **train)


def test_one_odd_image_does_not_decide_for_a_corpus(tmp_path):
    given = images(tmp_path, [png(0, "L", (9, 9)), *(png(row, "RGB") for row in range(40))])
    assert find(given).inputs["image"].shape == (3, 3, 4)
    given = images(tmp_path, [*(png(row) for row in range(40)), png(1, "RGB")])
    assert find(given).inputs["image"].shape == (3, 3, 4)  # colours lose nothing, grey would


def test_size_and_channels_can_be_said(tmp_path):
    given = images(tmp_path, [png(0, "L", (9, 9)), *(png(row, "RGB") for row in range(40))], size=[9, 9], channels=1)
    assert find(given).inputs["image"].shape == (1, 9, 9)
    given = images(tmp_path, [png(row, size=(row + 1, 5)) for row in range(20)], resize="none")
    with pytest.raises(InvalidInputError, match=r"images are of 20 sizes: .*say train\.size=\[height, width\]"):
        find(given)
    given = images(tmp_path, [png(row, size=(row + 1, 5)) for row in range(20)], size=[5, 3], resize="none")
    assert find(given).inputs["image"].shape == (1, 5, 3)


def test_images_of_hugging_face_are_read_by_all_readers(tmp_path):
    pictures = [{"bytes": png(row), "path": f"{row}.png"} for row in range(30)]
    given = images(tmp_path, [*pictures, {"bytes": None, "path": "gone.png"}], max_rejected_share=0.1)
    assert len(reading.read(find(given), given.train)) == 30
    assert set(thumbnails(given.paths.corpus_train, "id", "image", range(31), 8)) == set(range(30))
