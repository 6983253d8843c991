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
    _LOADED.update(module=Hasher.load(hasher).modules[modality], modality=modality)


def _encode_file(task: tuple[str, str]) -> None:
    """Encode one file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch

    source, target = task
    module, modality = _LOADED["module"], _LOADED["modality"]
    with pq.ParquetFile(source) as file, torch.inference_mode():
        schema = pa.schema([("id", pa.int64()), ("code", pa.binary())])
        with pq.ParquetWriter(target, schema) as writer:
            for batch in file.iter_batches(BATCH_ROWS, columns=["id", modality]):
                items = _features(batch.column(1)) if modality == "features" else _pixels(batch.column(1))
                bits = (module(torch.from_numpy(items)) > 0).numpy()
                codes = np.packbits(bits, axis=1, bitorder="little")
                packed = [row.tobytes() for row in codes]
                writer.write_batch(pa.record_batch([batch.column(0), pa.array(packed, pa.binary())], schema=schema))


def _features(column: Any) -> NDArray[np.float32]:
    """Return lists of floats as rows."""
    return np.array(column.flatten().to_numpy().reshape(len(column), -1))


def _pixels(column: Any) -> NDArray[np.uint8]:
    """Return PNG files as pixels (n, channels, height, width)."""
    from PIL import Image

    images = [np.asarray(Image.open(io.BytesIO(item.as_py()))) for item in column]
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
