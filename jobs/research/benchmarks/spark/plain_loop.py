"""The plain torch loop: Parquet in, network, packed codes as Parquet out; one process a core, each with one thread.

What anybody would write who had neither bad rows nor a kill to fear: no checks, no retries, nothing recorded.
"""

from __future__ import annotations

import io
import multiprocessing
import os
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH_ROWS = 4096


class PlainLoop:
    """As many waiting processes as cores, each with the hasher loaded."""

    name = "a plain torch loop a core"

    def __init__(self, hasher: str, modality: str, processes: int) -> None:
        self._pool: Pool = multiprocessing.get_context("spawn").Pool(processes, _load, (hasher, modality))

    def encode(self, corpus: Path, out: Path) -> Path:
        """Encode every file of a corpus into a file of codes, and return their folder."""
        os.makedirs(out, exist_ok=True)
        files = sorted(corpus.glob("*.parquet"))
        self._pool.map(_encode_file, [(str(file), str(out / file.name)) for file in files], chunksize=1)
        return out

    def close(self) -> None:
        """End the processes."""
        self._pool.terminate()
        self._pool.join()


_LOADED: dict[str, Any] = {}


def _load(hasher: str, modality: str) -> None:
    """Load the network of a hasher into this process."""
    import torch

    from hashcore.hasher import Hasher

    torch.set_num_threads(1)
    loaded = Hasher.load(hasher)
    _LOADED.update(module=loaded.modules[modality], shape=loaded.modalities[modality].input.shape)


def _encode_file(task: tuple[str, str]) -> None:
    """Encode one file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch

    source, target = task
    module, shape = _LOADED["module"], _LOADED["shape"]
    modality = "features" if len(shape) == 1 else "image"
    with pq.ParquetFile(source) as file, torch.inference_mode():
        schema = pa.schema([("id", pa.int64()), ("code", pa.binary())])
        with pq.ParquetWriter(target, schema) as writer:
            for batch in file.iter_batches(BATCH_ROWS, columns=["id", modality]):
                items = _features(batch.column(1)) if modality == "features" else _pixels(batch.column(1), *shape[1:])
                bits = (module(torch.from_numpy(items)) > 0).numpy()
                codes = np.packbits(bits, axis=1, bitorder="little")
                packed = [row.tobytes() for row in codes]
                writer.write_batch(pa.record_batch([batch.column(0), pa.array(packed, pa.binary())], schema=schema))


def _features(column: Any) -> NDArray[np.float32]:
    """Return lists of floats as rows."""
    return np.array(column.flatten().to_numpy().reshape(len(column), -1))


def _pixels(column: Any, height: int, width: int) -> NDArray[np.uint8]:
    """Return files of images as pixels (n, channels, height, width)."""
    from PIL import Image

    images = [np.asarray(_cropped(Image.open(io.BytesIO(item.as_py())), height, width)) for item in column]
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))


def _cropped(image: Any, height: int, width: int) -> Any:
    """Return an image, scaled by its short side and cut to its centre unless it has the size."""
    if image.size == (width, height):
        return image
    from PIL import Image

    wide, high = image.size
    scaled = (height * wide // high, height) if wide >= high else (width, width * high // wide)
    left, top = round((scaled[0] - width) / 2), round((scaled[1] - height) / 2)
    small = image.convert("RGB").resize(scaled, Image.Resampling.BILINEAR)
    return small.crop((left, top, left + width, top + height))
