"""CIFAR-10 (Krizhevsky 2009) from one Parquet file of PNG images: index, split, label, image_png."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np

from hashcore.errors import ConfigError, InvalidInputError, one_line, require
from jobs.corpora.images import Images

FILE = "cifar10/cifar10_png.parquet"
TRAIN_ROWS = 50_000


def read_cifar10() -> Images:
    """Return all images of $HASHCORE_DATA by their index; the first 50,000 are for training.

    Raises:
        ConfigError: If HASHCORE_DATA is not set.
        InvalidInputError: If the file is missing or damaged.
    """
    require("PIL", "train")
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    folder = os.environ.get("HASHCORE_DATA")
    if not folder:
        raise ConfigError(f"cifar10 is read from $HASHCORE_DATA/{FILE}; set HASHCORE_DATA")
    path = Path(folder) / FILE
    try:
        table = pq.read_table(path, columns=["index", "label", "image_png"]).sort_by("index")
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        said = one_line(error, None)
        raise InvalidInputError(f"{path} cannot be read ({said}); put the set's Parquet file there") from None
    pixels = np.stack([np.asarray(Image.open(BytesIO(png.as_py()))) for png in table.column("image_png")])
    return Images(
        table.column("index").to_numpy().astype(np.int64), pixels, table.column("label").to_numpy().astype(np.int32)
    )
