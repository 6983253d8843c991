"""Write a hasher's codes of many shifted and noisy copies of a corpus of images: learned codes, at a size to measure.

python -m jobs.research.benchmarks.workloads.copies --codes 1e7 --out DIR
    --hasher runs/mnist/hasher --images runs/mnist/corpus/database
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hashcore.columns.codes import codes_to_arrow
from hashcore.hasher import Hasher
from hashcore.inputs.column import read_column
from jobs.stages import codes_directory
from jobs.telemetry.progress import Progress

MOST_SHIFT = 2  # pixels, in each direction
NOISE = 12.0  # standard deviation, of 255


def write(hasher: Hasher, images: NDArray[np.uint8], rows: int, out: Path, modality: str) -> None:
    """Write the codes of `rows` copies to `out`, a file for each round over the images.

    Args:
        hasher: Of images.
        images: uint8, shape (n, height, width) or (n, height, width, channels).
        rows: Codes to write; whole rounds over the images are written until there are as many.
        out: A new directory.
        modality: The hasher's name for images.
    """
    rng = np.random.default_rng(0)
    (out / codes_directory.DATA).mkdir(parents=True)
    rounds = -(-rows // len(images))
    with Progress("copies", unit="rows", total=rounds * len(images)) as progress:
        for number in range(rounds):
            found = hasher.encode(disturbed(rng, images), modality)
            ids = np.arange(number * len(images), (number + 1) * len(images))
            table = pa.table({"id": ids, "code": codes_to_arrow(found)})
            pq.write_table(table, out / codes_directory.DATA / f"part-{number:05}.parquet")
            progress.reach((number + 1) * len(images), rounds * len(images))
    codes_directory.write_info(
        str(out),
        codes_directory.CodesInfo(
            code_length=hasher.code_length,
            kind=hasher.kind,
            hasher_fingerprint=hasher.fingerprint,
            modality=modality,
            rows=rounds * len(images),
        ),
    )


def disturbed(rng: np.random.Generator, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the images, each round shifted by up to 2 pixels, with Gaussian noise."""
    down, right = rng.integers(-MOST_SHIFT, MOST_SHIFT + 1, 2)
    noise = rng.normal(0, NOISE, images.shape).astype(np.float32)
    copies: NDArray[np.uint8] = np.clip(np.roll(images, (down, right), axis=(1, 2)) + noise, 0, 255).astype(np.uint8)
    return copies


def main() -> None:
    """Write what the arguments ask for."""
    parser = argparse.ArgumentParser(description="Write the codes of disturbed copies of images.")
    parser.add_argument("--hasher", required=True, help="directory of a trained hasher")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="MODULE", help="whose code the hasher's network may be"
    )
    parser.add_argument("--images", type=Path, required=True, help="directory of a corpus, Parquet files in it")
    parser.add_argument("--column", default="image", help="its column of images")
    parser.add_argument("--modality", default="image", help="the hasher's name for images")
    parser.add_argument("--codes", type=float, required=True, help="codes to write, such as 1e7")
    parser.add_argument("--out", type=Path, required=True, help="directory to make")
    given = parser.parse_args()
    hasher = Hasher.load(given.hasher, allow=given.allow)
    column = pq.read_table(given.images, columns=[given.column]).column(given.column)
    found = read_column(column, hasher.modalities[given.modality].input)
    write(hasher, found.values, int(given.codes), given.out, given.modality)


if __name__ == "__main__":
    main()
