"""The golden hashers and codes directory: what `make.py` writes beside the indexes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from hashcore.classical import itq
from hashcore.columns.codes import codes_to_arrow
from hashcore.hasher import Hasher
from hashcore.hashers import identity_tags
from hashcore.inputs.column import read_column
from hashcore.inputs.image_resizing import Resize
from hashcore.inputs.images import ImageInput
from hashcore.labels import Labels
from hashcore.training import fit
from hashcore.training.config import TrainingConfig
from jobs.stages import codes_directory

ITEMS, DIMENSIONS = 60, 10
TAGS = [["cat", "dog"], [], ["dog", "sea", "sky"], ["sky"]] * 3
CODES = [(10, 12), (11, 0), (7, 4)]  # ids and rows of each Parquet file: first id, rows


def features() -> np.ndarray:
    """Return items that learn in an instant."""
    rng = np.random.default_rng(5)
    return (rng.normal(size=(ITEMS, DIMENSIONS)) + 3 * (np.arange(ITEMS)[:, None] % 2)).astype(np.float32)


def make_hashers(root: Path) -> None:
    """Write hashers, and what each makes of some items."""
    items = features()
    config = TrainingConfig.model_validate(
        {"code_length": 16, "network": {"name": "mlp", "hidden": [8]}, "epochs": 2, "batch_size": 20}
    )
    labels = Labels.from_lists([[row % 2] for row in range(ITEMS)])
    hashers = {
        "hasher-itq": itq.fit(items, 8),
        "hasher-mlp": fit(items, labels, config),
        "hasher-tags": identity_tags.fit(pa.array(TAGS)),
    }
    for name, hasher in hashers.items():
        hasher.save(str(root / name))
        np.savez(root / f"{name}.npz", codes=codes_of(hasher))


def make_image_hashers(root: Path) -> None:
    """Write hashers of images, of one size and of every size, and what each makes of some images."""
    one_size = ImageInput(height=12, width=16, channels=3)
    for name, described in {
        "hasher-image": one_size,
        "hasher-photographs": one_size.model_copy(update={"resize": Resize(interpolation="bicubic")}),
    }.items():
        hasher = itq.fit(read_column(images(described), described).values, 16)
        modality = hasher.modalities["image"].model_copy(update={"input": described})
        hasher = replace(hasher, modalities={"image": modality})
        hasher.save(str(root / name))
        np.savez(root / f"{name}.npz", codes=codes_of(hasher))


def images(described: ImageInput) -> pa.Array:
    """Return images as files, of one size unless they are resized."""
    rng = np.random.default_rng(6)
    files = []
    for row in range(ITEMS):
        size = (16 + row * (described.resize is not None), 12 + 7 * row % 31 * (described.resize is not None))
        coarse = Image.fromarray(rng.integers(0, 256, (3, 4, 3), np.uint8)).resize(size, Image.Resampling.BILINEAR)
        buffer = BytesIO()
        coarse.convert("L" if row % 5 == 4 else "RGB").save(buffer, format=("PNG", "BMP")[row % 2])
        files.append(buffer.getvalue())
    return pa.array(files)


def codes_of(hasher: Hasher) -> np.ndarray:
    """Return what a hasher makes of the items that suit it."""
    modality, described = next(iter(hasher.modalities.items()))
    if isinstance(described.input, ImageInput):
        column = images(described.input)
    else:
        column = pa.array(TAGS) if modality == "tags" else pa.array(features().tolist())
    return hasher.encode(read_column(column, described.input).values, modality)


def make_codes(root: Path) -> None:
    """Write a codes directory, with a file of no rows, and beside it the rows that it holds."""
    rng = np.random.default_rng(7)
    (root / codes_directory.DATA).mkdir(parents=True)
    held = []
    for number, (first, count) in enumerate(CODES):
        ids, packed = np.arange(count) + 1_000 * first, rng.integers(0, 256, (count, 3), dtype=np.uint8)
        labels = Labels.from_lists([list(range(row % 3)) for row in range(count)])
        table = {
            "id": pa.array(ids, pa.int64()),
            "code": codes_to_arrow(packed),
            "labels": labels.to_arrow(),
        }
        pq.write_table(pa.table(table), root / codes_directory.DATA / f"part-{number:05}.parquet")
        held.append((ids, packed))
    info = codes_directory.CodesInfo(
        code_length=24, kind="dense", hasher_fingerprint="golden", modality="image", rows=sum(n for _, n in CODES)
    )
    codes_directory.write_info(str(root), info)
    ids, packed = (np.concatenate(parts) for parts in zip(*held, strict=True))
    np.savez(root.parent / "codes.npz", ids=ids, codes=packed)
