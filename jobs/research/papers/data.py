"""The data of a row: views of the same items as arrays, their classes, and who is learned from, searched and asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.features.normalization import center_to_unit_length
from hashcore.labels import Labels
from jobs.config.sections.corpus import Content
from jobs.corpora import standard_sets
from jobs.corpora.cifar import TRAIN_ROWS, read_cifar10
from jobs.corpora.images import Images
from jobs.research.papers.splits import Rows, Split
from jobs.stages import outputs, records

if TYPE_CHECKING:
    from jobs.research.papers.row import Data

WIKI = {
    "wiki": ("wiki/wiki.npz", {"image": "image_bow", "text": "text_lda"}),
    "wiki-roph": ("wiki/wiki_roph.npz", {"image": "image_cnn_pca", "text": "text_wordvec"}),
}
COMPUTED: dict[str, Content] = {"gist": "gist", "gist512": "gist512", "hog": "hog"}
ROWS_PER_FILE = 8192


class Items(NamedTuple):
    """All items of a row.

    Attributes:
        views: Float32 features (n, d) or uint8 pixels (n, channels, height, width) by the view's name.
        classes: int32, shape (n,).
        split: Which of them are learned from, searched and asked.
    """

    views: dict[str, NDArray[Any]]
    classes: NDArray[np.int32]
    split: Split

    def labels(self, rows: Rows) -> Labels:
        """Return the classes of some rows as labels."""
        return Labels(np.arange(len(rows) + 1, dtype=np.int64), self.classes[rows])


def load(data: Data, root: str) -> Items:
    """Return the items of a row; features of CIFAR-10 are computed once and kept below `root`.

    Raises:
        ConfigError: If HASHCORE_DATA is not set, or the set has no such view.
        InvalidInputError: If a file is missing.
    """
    read = {"cifar10": _read_cifar, "mnist": _read_mnist}.get(data.source, _read_wiki)
    views, classes, is_test = read(data, root)
    split = data.split.divide(classes, is_test)
    if data.unit_length:
        others = np.setdiff1d(np.arange(len(classes)), split.queries)
        views = {name: _unit(view, others) for name, view in views.items()}
    return Items(views, classes, split)


def _unit(view: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Centre features on the mean of some rows and scale each to length 1; pixels are left to the network."""
    return center_to_unit_length(view, view[rows].mean(axis=0)) if view.ndim == 2 else view


Read = tuple[dict[str, NDArray[Any]], NDArray[np.int32], NDArray[np.bool_]]


def _read_cifar(data: Data, root: str) -> Read:
    """Return views of CIFAR-10."""
    views: dict[str, NDArray[Any]] = {}
    images: Images | None = None
    for name in data.views:
        folder = f"{root}/cifar10-{name}"
        if name != "pixels" and records.read(folder) is None:
            images = images or read_cifar10()
            _compute(folder, name, images)
        if name == "pixels":
            images = images or read_cifar10()
            views[name] = images.channels_first()
        else:
            views[name], classes = _read_features(folder, name)
    if images is not None:
        classes = images.classes
    return views, classes, np.arange(len(classes)) >= TRAIN_ROWS


def _compute(folder: str, name: str, images: Images) -> None:
    """Compute features of all images into Parquet files."""
    content = COMPUTED.get(name)
    if content is None:
        raise ConfigError(f"data.views: cifar10 has pixels, {', '.join(COMPUTED)}, not {name}")
    made = records.Record(stage=f"features {name}", fingerprint=name, inputs={}, pipeline={}, decisive=[])
    with outputs.writing(folder, made) as staging:
        standard_sets.write(staging, images, (content,), ROWS_PER_FILE)


def _read_features(folder: str, name: str) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return features and classes in the order of ids."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder, columns=["id", name, "labels"]).sort_by("id")
    values = table.column(name).combine_chunks()
    flat = np.asarray(values.flatten(), np.float32)
    return flat.reshape(len(table), -1), Labels.from_arrow(table.column("labels")).values


def _read_mnist(data: Data, _root: str) -> Read:
    """Return MNIST's pixels, as features of 0 to 1 or as images."""
    parts = standard_sets.read_mnist("mnist")
    pixels = np.concatenate([parts["train"].pixels, parts["queries"].pixels])
    known: dict[str, NDArray[Any]] = {
        "pixels": pixels.reshape(len(pixels), -1) / np.float32(255),
        "image": pixels[:, None],
    }
    if unknown := set(data.views) - set(known):
        raise ConfigError(f"data.views: mnist has {' and '.join(known)}, not {', '.join(unknown)}")
    classes = np.concatenate([parts["train"].classes, parts["queries"].classes])
    is_test = np.arange(len(pixels)) >= len(parts["train"].ids)
    return {name: known[name] for name in data.views}, classes, is_test


def _read_wiki(data: Data, _root: str) -> Read:
    """Return image and text of the articles of Wikipedia (Rasiwasia et al. 2010)."""
    file, columns = WIKI[data.source]
    folder = os.environ.get("HASHCORE_DATA")
    if not folder:
        raise ConfigError(f"{data.source} is read from $HASHCORE_DATA/{file}; set HASHCORE_DATA")
    if unknown := set(data.views) - set(columns):
        raise ConfigError(f"data.views: {data.source} has image and text, not {', '.join(unknown)}")
    try:
        arrays = np.load(Path(folder) / file)
    except OSError as error:
        raise InvalidInputError(f"{folder}/{file} cannot be read ({error}); put the set there") from None
    views: dict[str, NDArray[Any]] = {name: arrays[columns[name]].astype(np.float32) for name in data.views}
    return views, arrays["labels"].astype(np.int32), arrays["is_test"].astype(bool)
