"""Corpora as Parquet: standard sets of images or tags are converted, the user's own files are read as they are.

A converted corpus has the columns `id: int64`, one or several of items (`image: binary`, a PNG file, a `list<float>` of
features, or `tags: list<int32>`), and `labels: list<int32>`, in three parts: train, database and queries; queries are
in no other.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import ConfigError, InvalidInputError, require
from jobs.config.pipeline import Pipeline
from jobs.config.sections.corpus import Content, CorpusConfig, TagSource
from jobs.corpora.cifar import TRAIN_ROWS, read_cifar10
from jobs.corpora.conversion import column
from jobs.corpora.images import Images
from jobs.corpora.tags import TagSets, read_tag_sets
from jobs.stages import outputs, records
from jobs.stages.parquet_files import checksums

if TYPE_CHECKING:
    import pyarrow as pa

Part = Literal["train", "database", "queries"]
PARTS: tuple[Part, ...] = ("train", "database", "queries")
IDX_UINT8 = 8


def run(pipeline: Pipeline) -> None:
    """Make the parts of the corpus that are not there yet; the user's own files are only looked for.

    Raises:
        InvalidInputError: If a source file is missing or damaged.
        OutputError: If a place holds something else.
    """
    config = pipeline.corpus
    if config.source == "files":
        return
    record = records.record(pipeline, "corpus", decisive(config))
    missing = [part for part in PARTS if not outputs.is_finished(pipeline.paths.corpus(part), record)]
    if not missing:
        return
    parts = _read(config)
    for part in missing:
        path = pipeline.paths.corpus(part)
        with outputs.writing(path, record) as staging:
            contents = (config.content,) if isinstance(config.content, str) else config.content
            write(staging, parts[part], contents, config.rows_per_file)
        print(f"corpus {part}: {len(parts[part].ids):,} items of {config.source} -> {path}")


def decisive(config: CorpusConfig) -> list[str]:
    """Return the keys that decide a converted corpus; the names of columns are its own."""
    of_tags = config.source in get_args(TagSource)
    unread = {"content"} if of_tags else set()
    unread |= set() if of_tags or config.source == "digits" else {"held_out", "seed"}
    keys = ("source", "content", "held_out", "seed", "rows_per_file")
    return [f"corpus.{key}" for key in keys if key not in unread]


def _read(config: CorpusConfig) -> Mapping[Part, Images | TagSets]:
    """Return the parts of a standard set."""
    if config.source == "mirflickr-tags" or config.source == "nuswide-concepts":  # noqa: PLR1714 (mypy narrows)
        return split_tags(read_tag_sets(config.source), config)
    if config.source == "digits":
        return split_digits(config)
    if config.source == "cifar10":
        images, rows = read_cifar10(), np.arange(60_000)
        train, queries = images.take(rows[:TRAIN_ROWS]), images.take(rows[TRAIN_ROWS:])
        return {"train": train, "database": train, "queries": queries}
    return read_mnist(config.source)


def split_digits(config: CorpusConfig) -> dict[Part, Images]:
    """Return scikit-learn's digits (8 × 8, 1,797 images); all but the held-out ones are trained on and searched."""
    require("sklearn", "report")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)  # scikit-learn's digits have 17 levels of grey
    images = Images(np.arange(len(pixels), dtype=np.int64), pixels, bunch.target.astype(np.int32))
    held_out = _stratified(images.classes, config.held_out, config.seed)
    rest = images.take(np.setdiff1d(images.ids, held_out))
    return {"train": rest, "database": rest, "queries": images.take(held_out)}


def split_tags(items: TagSets, config: CorpusConfig) -> dict[Part, TagSets]:
    """Return sets of tags, some of them held out at random; all others are searched."""
    if config.held_out >= len(items.ids):
        raise ConfigError(f"corpus.held_out={config.held_out}: {config.source} has {len(items.ids)} items; use fewer")
    held_out = np.sort(np.random.default_rng(config.seed).permutation(len(items.ids))[: config.held_out])
    rest = items.take(np.setdiff1d(np.arange(len(items.ids)), held_out))
    return {"train": rest, "database": rest, "queries": items.take(held_out)}


def _stratified(classes: NDArray[np.int32], count: int, seed: int) -> NDArray[np.int64]:
    """Choose rows at random, as many of each class as equal shares allow; ascending."""
    if count >= len(classes) // 2:
        raise ConfigError(f"corpus.held_out={count}: the digits are {len(classes)}; hold out fewer than half of them")
    generator = np.random.default_rng(seed)
    turns = np.empty(len(classes), np.int64)  # the first of each class, then the second of each, and so on
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        turns[generator.permutation(rows)] = np.arange(len(rows))
    return np.sort(np.lexsort((classes, turns))[:count]).astype(np.int64)


def read_mnist(source: str) -> dict[Part, Images]:
    """Return MNIST or Fashion-MNIST from $HASHCORE_DATA: 60,000 to train on and search, 10,000 queries."""
    folder = os.environ.get("HASHCORE_DATA")
    if not folder:
        raise ConfigError(f"corpus.source={source} reads its idx files from $HASHCORE_DATA; set it to their folder")
    place = Path(folder) / source if (Path(folder) / source).is_dir() else Path(folder)
    train = _read_images(place, "train", first_id=0)
    queries = _read_images(place, "t10k", first_id=len(train.ids))
    return {"train": train, "database": train, "queries": queries}


def _read_images(place: Path, prefix: str, first_id: int) -> Images:
    """Return the images and classes of one half of MNIST."""
    pixels = read_idx(place / f"{prefix}-images-idx3-ubyte.gz")
    classes = read_idx(place / f"{prefix}-labels-idx1-ubyte.gz")
    if len(pixels) != len(classes):
        raise InvalidInputError(f"{place}: {len(pixels)} {prefix} images but {len(classes)} labels; fetch them again")
    return Images(np.arange(first_id, first_id + len(pixels), dtype=np.int64), pixels, classes.astype(np.int32))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of a gzipped idx file: two zero bytes, type, number of dimensions, big-endian sizes, data."""
    try:
        data = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise InvalidInputError(f"{path} is missing; put the set's .gz files there or set HASHCORE_DATA") from None
    except (OSError, EOFError) as error:
        raise InvalidInputError(f"{path} is damaged ({error}); fetch it again") from None
    dimensions = data[3] if len(data) > 4 else 0
    shape = np.frombuffer(data, ">u4", dimensions, 4) if len(data) >= 4 + 4 * dimensions else np.zeros(1)
    if data[:3] != bytes([0, 0, IDX_UINT8]) or len(data) != 4 + 4 * dimensions + int(np.prod(shape, dtype=np.int64)):
        raise InvalidInputError(f"{path} is no idx file of bytes; fetch it again")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(tuple(map(int, shape)))


def write(folder: str, items: Images | TagSets, contents: Sequence[Content], rows_per_file: int) -> None:
    """Write items as Parquet files of `rows_per_file` rows; of images a column for each content."""
    import pyarrow.parquet as pq

    os.makedirs(folder)
    for number, start in enumerate(range(0, len(items.ids), rows_per_file)):
        rows = items.take(np.arange(start, min(start + rows_per_file, len(items.ids))))
        table = rows.to_arrow() if isinstance(rows, TagSets) else _table(rows, contents)
        pq.write_table(table, f"{folder}/part-{number:05}.parquet", **checksums("write_page_checksum"))


def _table(images: Images, contents: Sequence[Content]) -> pa.Table:
    """Return images as a table: id, a column for each content, labels."""
    import pyarrow as pa

    offsets = pa.array(np.arange(len(images.ids) + 1, dtype=np.int32))
    labels = pa.ListArray.from_arrays(offsets, pa.array(images.classes))
    return pa.table({"id": images.ids, **dict(column(images, content) for content in contents), "labels": labels})
