"""Corpora: what is converted holds the same images, and queries are held out."""

from __future__ import annotations

import gzip
import io
import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from hashcore.errors import ConfigError, InvalidInputError, OutputError
from hashcore.features.gist import gist
from jobs.config.pipeline import Pipeline
from jobs.config.sections.corpus import CorpusConfig
from jobs.corpora import cifar as cifar_module
from jobs.corpora import standard_sets


def pipeline(root, **values):
    return Pipeline.model_validate({"name": "a", "root": str(root), "corpus": {"source": "digits", **values}})


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """A folder with three training images and two queries of 2 × 2 pixels."""
    generator = np.random.default_rng(0)
    monkeypatch.setenv("HASHCORE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    for prefix, count in (("train", 3), ("t10k", 2)):
        images = generator.integers(0, 256, (count, 2, 2))
        (tmp_path / "data" / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (tmp_path / "data" / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(count)))
    return tmp_path / "data"


def test_digits_keep_their_pixels_and_classes(tmp_path):
    standard_sets.run(pipeline(tmp_path))
    table = pq.read_table(pipeline(tmp_path).paths.corpus_queries)
    digits = load_digits()
    for row in table.to_pylist():
        pixels = np.asarray(Image.open(io.BytesIO(row["image"])))
        assert np.array_equal(np.round(pixels / 255 * 16), digits.images[row["id"]])
        assert row["labels"] == [digits.target[row["id"]]]
    assert table.num_rows == 360


def test_queries_are_held_out_in_equal_shares_of_every_class():
    parts = standard_sets.split_digits(CorpusConfig(source="digits", held_out=95))
    assert not set(parts["queries"].ids) & set(parts["database"].ids)
    assert len(parts["queries"].ids) + len(parts["database"].ids) == 1797
    counts = Counter(parts["queries"].classes.tolist())
    assert sorted(counts.values()) == [9] * 5 + [10] * 5


def test_the_seed_decides_which_queries_are_held_out():
    first, again, other = (
        standard_sets.split_digits(CorpusConfig(source="digits", seed=seed))["queries"].ids for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_holding_out_most_of_the_digits_is_refused():
    with pytest.raises(ConfigError, match="held_out=1000: the digits are 1797"):
        standard_sets.split_digits(CorpusConfig(source="digits", held_out=1000))


def test_features_are_the_pixels_between_0_and_1(tmp_path):
    made = pipeline(tmp_path, content="features", rows_per_file=500)
    standard_sets.run(made)
    table = pq.read_table(made.paths.corpus_database)
    features = np.stack(table.column("features").to_numpy())
    expected = load_digits().images[table.column("id").to_numpy()].reshape(-1, 64) / 16
    assert features.dtype == np.float32
    assert np.abs(features - expected).max() < 0.003  # 17 levels of grey in 8 bits
    assert len(list((tmp_path / "corpus" / "database").glob("*.parquet"))) == 3


def test_a_corpus_is_made_once(tmp_path, capsys):
    standard_sets.run(pipeline(tmp_path))
    assert capsys.readouterr().out.count("->") == 3
    standard_sets.run(pipeline(tmp_path))
    assert capsys.readouterr().out == ""


def test_a_corpus_of_another_seed_is_not_written_over(tmp_path):
    standard_sets.run(pipeline(tmp_path))
    with pytest.raises(OutputError, match=r"corpus\.seed"):
        standard_sets.run(pipeline(tmp_path, seed=1))


def test_mnist_queries_follow_the_training_ids(mnist, tmp_path):
    made = pipeline(tmp_path, source="mnist")
    standard_sets.run(made)
    assert pq.read_table(made.paths.corpus_train).column("id").to_pylist() == [0, 1, 2]
    assert pq.read_table(made.paths.corpus_queries).column("id").to_pylist() == [3, 4]
    assert pq.read_table(made.paths.corpus_queries).column("labels").to_pylist() == [[0], [1]]


def test_mnist_needs_to_know_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.delenv("HASHCORE_DATA", raising=False)
    with pytest.raises(ConfigError, match="HASHCORE_DATA"):
        standard_sets.run(pipeline(tmp_path, source="mnist"))


@pytest.mark.skipif("HASHCORE_DATA" not in os.environ, reason="needs MNIST's files in $HASHCORE_DATA")
@pytest.mark.parametrize("source", ["mnist", "fashion-mnist"])
def test_the_real_files_of_mnist_are_read(source):
    parts = standard_sets.read_mnist(source)
    assert {part: images.pixels.shape for part, images in parts.items()} == {
        "train": (60_000, 28, 28),
        "database": (60_000, 28, 28),
        "queries": (10_000, 28, 28),
    }
    assert np.array_equal(np.bincount(parts["queries"].classes) > 800, [True] * 10)


def test_a_missing_file_of_mnist_is_named(mnist, tmp_path):
    (mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InvalidInputError, match=r"t10k-labels-idx1-ubyte\.gz is missing"):
        standard_sets.run(pipeline(tmp_path, source="mnist"))
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        idx(np.zeros((3, 2, 2)))[:-10],
        gzip.compress(b""),
        gzip.compress(b"\0\0\x08\x03"),
        gzip.compress(b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0"),
        gzip.compress(b"\0\0\x08\x01\0\0\0\x09\0"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path, data):
    (tmp_path / "x.gz").write_bytes(data)
    with pytest.raises(InvalidInputError, match=r"x\.gz is"):
        standard_sets.read_idx(tmp_path / "x.gz")


def test_images_and_labels_of_different_number_are_refused(mnist, tmp_path):
    (mnist / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(7)))
    with pytest.raises(InvalidInputError, match="3 train images but 7 labels"):
        standard_sets.run(pipeline(tmp_path, source="mnist"))


def test_files_of_the_user_are_left_alone(tmp_path):
    standard_sets.run(pipeline(tmp_path, source="files"))
    assert not (tmp_path / "corpus").exists()


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Four CIFAR images out of order, in the place where the set is looked for."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    order = [2, 0, 3, 1]
    buffers = [io.BytesIO() for _ in range(4)]
    for image, buffer in zip(pixels[order], buffers, strict=True):
        Image.fromarray(image).save(buffer, format="PNG")
    columns = {"index": pa.array(order, pa.int32()), "label": pa.array(order, pa.uint8())}
    (tmp_path / "cifar10").mkdir()
    pq.write_table(
        pa.table({**columns, "image_png": [buffer.getvalue() for buffer in buffers]}), tmp_path / cifar_module.FILE
    )
    monkeypatch.setenv("HASHCORE_DATA", str(tmp_path))
    return pixels


def test_cifar_is_read_in_the_order_of_its_index(cifar):
    images = cifar_module.read_cifar10()
    assert np.array_equal(images.pixels, cifar)
    assert images.ids.tolist() == images.classes.tolist() == [0, 1, 2, 3]


def test_features_are_computed_into_columns_of_their_names(cifar, tmp_path):
    images = cifar_module.read_cifar10()
    standard_sets.write(str(tmp_path / "out"), images, ("images", "gist", "gist512", "features"), rows_per_file=3)
    table = pq.read_table(tmp_path / "out")
    assert table.schema.names == ["id", "image", "gist", "gist512", "features", "labels"]
    assert np.allclose(np.stack(table.column("gist").to_numpy()), gist(cifar.transpose(0, 3, 1, 2)), atol=1e-4)
    assert np.stack(table.column("gist512").to_numpy()).shape == (4, 512)
    assert np.allclose(np.stack(table.column("features").to_numpy())[1].reshape(3, 32, 32)[2], cifar[1, :, :, 2] / 255)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(table.column("image")[3].as_py()))), cifar[3])


def test_missing_cifar_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HASHCORE_DATA", str(tmp_path))
    with pytest.raises(InvalidInputError, match=r"cifar10_png\.parquet cannot be read"):
        cifar_module.read_cifar10()
    monkeypatch.delenv("HASHCORE_DATA")
    with pytest.raises(ConfigError, match="set HASHCORE_DATA"):
        cifar_module.read_cifar10()
