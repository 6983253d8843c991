"""Encoding a corpus by the job, on Spark, against a plain torch loop on the same cores and files."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import require
from hashcore.machine import limits
from jobs import encode
from jobs.config.pipeline import Pipeline
from jobs.research.benchmarks.comparison import Comparison, compare
from jobs.research.benchmarks.spark.plain_loop import PlainLoop

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.hasher import Hasher
    from hashcore.inputs.column import InputSpec

DIMENSIONS = 512
SIDE = 32
SMALL_SIDE = 64  # of photographs when they are cropped
SIDES = (64, 256)  # before; from 256 on the job would decode a half of the pixels, and the loop all
HIDDEN = 512
CODE_LENGTH = 64
FILES = 16


def run(codes: int = 400_000) -> Iterator[Comparison]:
    """Yield a row each for float features, colour images of 32 × 32 and photographs of mixed sizes.

    There are an eighth as many images as features, and a fortieth as many photographs.
    """
    from hashcore.inputs.features import FeatureInput
    from hashcore.inputs.image_resizing import Resize
    from hashcore.inputs.images import ImageInput

    require("torch", "train")
    with tempfile.TemporaryDirectory() as folder:
        root, rng = Path(folder), np.random.default_rng(0)
        yield compare_encoding(root / "a", "features", FeatureInput(dimensions=DIMENSIONS), features(rng, codes))
        spec = ImageInput(height=SIDE, width=SIDE, channels=3)
        yield compare_encoding(root / "b", "image", spec, images(rng, codes // 8))
        spec = ImageInput(height=SMALL_SIDE, width=SMALL_SIDE, channels=3, resize=Resize())
        yield compare_encoding(root / "c", "image", spec, photographs(rng, codes // 40))


def compare_encoding(root: Path, modality: str, spec: InputSpec, items: pa.Array) -> Comparison:
    """Return the row of one kind of input: from files to files, Spark and the processes of the loop running already."""
    cores = limits.cores()
    write_corpus(root / "corpus" / "database", modality, items)
    make_hasher(modality, spec).save(str(root / "hasher"))
    loop, pipeline = PlainLoop(str(root / "hasher"), modality, cores), make_pipeline(root, modality, cores)
    try:
        return compare(
            f"encode, {len(items):,} {modality} of {' x '.join(map(str, spec.shape))}",
            loop.name,
            lambda: by_job(pipeline),
            lambda: loop.encode(root / "corpus" / "database", root / "plain"),
            equal=same_codes,
            items=len(items),
            cores=cores,
            code_length=CODE_LENGTH,
        )
    finally:
        loop.close()


def by_job(pipeline: Pipeline) -> Path:
    """Encode the corpus by the job, and return the folder of its codes."""
    path = Path(pipeline.paths.codes_database)
    shutil.rmtree(path, ignore_errors=True)
    with redirect_stdout(io.StringIO()):
        encode.encode_part(pipeline, "database")
    return path / "data"


def same_codes(ours: Path, theirs: Path) -> bool:
    """Return whether two folders hold the same code for each id, but for signs that float32 cannot tell.

    The job computes again in float64 what is too close to zero; the loop keeps what its rounding gave.
    """
    one, other = read_codes(ours), read_codes(theirs)
    differing = np.bitwise_count(one ^ other).sum()
    return one.shape == other.shape and len(one) > 0 and bool(differing <= 1e-5 * 8 * one.size)


def read_codes(folder: Path) -> NDArray[np.uint8]:
    """Return codes in the order of their ids, shape (n, bytes)."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder, columns=["id", "code"]).sort_by("id")
    assert table.column("id").to_pylist() == list(range(len(table)))
    return np.frombuffer(b"".join(table.column("code").to_pylist()), np.uint8).reshape(len(table), -1)


def features(rng: np.random.Generator, items: int) -> pa.Array:
    """Return a column of lists of floats."""
    import pyarrow as pa

    values = rng.standard_normal((items, DIMENSIONS), np.float32)
    return pa.ListArray.from_arrays(np.arange(items + 1, dtype=np.int32) * DIMENSIONS, pa.array(values.reshape(-1)))


def images(rng: np.random.Generator, items: int) -> pa.Array:
    """Return a column of PNG files: smooth patterns, which compress about as photographs of this size do."""
    import pyarrow as pa
    from PIL import Image

    def png(coarse: NDArray[np.uint8]) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(buffer, format="PNG")
        return buffer.getvalue()

    return pa.array([png(each) for each in rng.integers(0, 256, (items, 8, 8, 3), np.uint8)], pa.binary())


def photographs(rng: np.random.Generator, items: int) -> pa.Array:
    """Return a column of JPEG files of mixed sizes: smooth patterns with a grain."""
    import pyarrow as pa
    from PIL import Image

    def jpeg(coarse: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
        smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.float32)
        grain = rng.normal(0, 5, (*smooth.shape[:2], 1)).astype(np.float32)
        buffer = io.BytesIO()
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(buffer, format="JPEG", quality=90)
        return buffer.getvalue()

    sizes = rng.integers(*SIDES, (items, 2)).tolist()
    coarse = rng.integers(0, 256, (items, 8, 8, 3), np.uint8)
    return pa.array([jpeg(each, (wide, high)) for each, (wide, high) in zip(coarse, sizes, strict=True)], pa.binary())


def write_corpus(folder: Path, modality: str, items: pa.Array) -> None:
    """Write items numbered from 0 in FILES Parquet files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    os.makedirs(folder)
    table = pa.table({"id": np.arange(len(items)), modality: items})
    rows = -(-len(items) // FILES)
    for number in range(FILES):
        pq.write_table(table.slice(number * rows, rows), folder / f"{number:02}.parquet", row_group_size=8192)


def make_hasher(modality: str, spec: InputSpec) -> Hasher:
    """Return a network with one hidden layer and random weights: what it says does not matter, what it costs does."""
    import torch

    from hashcore.hasher import Hasher, Modality
    from hashcore.networks.spec import Mlp, Preprocessing

    torch.manual_seed(0)
    read = Modality(input=spec, preprocessing=Preprocessing(), network=Mlp(hidden=(HIDDEN,)))
    return Hasher(CODE_LENGTH, {modality: read}, {modality: read.module(CODE_LENGTH)})


def make_pipeline(root: Path, modality: str, cores: int) -> Pipeline:
    """Return a pipeline whose corpus and hasher lie below a root."""
    from jobs.config.pipeline import Pipeline

    values: dict[str, Any] = {
        "name": "bench-encode",
        "root": str(root),
        "corpus": {"labels": None},
        "encode": {"modality": modality},
        "spark": {"master": f"local[{cores}]"},
    }
    return Pipeline.model_validate(values)
