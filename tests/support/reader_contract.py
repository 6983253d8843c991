"""The contract of a reader: each row once, with its values and types; and the same hasher, bit for bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pictures import png

from jobs.config.pipeline import Pipeline
from jobs.training import reading
from jobs.training.readers import READERS
from jobs.training.source import find

ROWS, DIMENSIONS = 240, 6


def source(root):
    """Write a corpus of three files, of several row groups each, and describe it."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((ROWS, DIMENSIONS)).astype(np.float32)
    ids = rng.permutation(ROWS).astype(np.int64)
    table = pa.table({"id": ids, "features": values.tolist(), "labels": [[int(i) % 2] for i in ids]})
    schema = [("id", pa.int64()), ("features", pa.list_(pa.float32())), ("labels", pa.list_(pa.int32()))]
    (root / "corpus" / "train").mkdir(parents=True)
    for number in range(3):
        part = table.slice(80 * number, 80).cast(pa.schema(schema))
        pq.write_table(part, root / "corpus" / "train" / f"{number}.parquet", row_group_size=32)
    return find(pipeline(root))


def pipeline(root, reader="arrow", modality="features"):
    train = {"modality": modality, "code_length": 8, "epochs": 2, "batch_size": 16, "in_process": True}
    return Pipeline.model_validate({"name": "a", "root": str(root), "train": {**train, "reader": reader}})


def rows(tables):
    return sorted((row["id"], row["features"], row["labels"]) for table in tables for row in table.to_pylist())


def check_folders(root, name):
    """Assert that a reader gives labels that the names of folders say, and files of different widths as one corpus."""
    for label, kind in enumerate((pa.int32(), pa.int64())):
        folder = root / "corpus" / "train" / f"labels={label}"
        folder.mkdir(parents=True)
        ids = pa.array(range(10 * label, 10 * label + 10), kind)
        pq.write_table(pa.table({"id": ids, "features": [[1.0, 2.0]] * 10}), folder / "part.parquet")
    found = find(pipeline(root))
    decoded = pa.concat_tables([reading.decode(table, found) for table in READERS[name](found)]).sort_by("id")
    assert decoded.column("id").to_pylist() == list(range(20))
    assert decoded.column("labels").to_pylist() == [[row // 10] for row in range(20)]


def check_formats(root, name):
    """Assert that a reader gives matrices beside Parquet of their keys as one corpus, and folders of images."""
    matrices, photos = root / "matrices" / "corpus" / "train", root / "photos" / "corpus" / "train"
    matrices.mkdir(parents=True)
    for number in range(2):
        np.save(matrices / f"{number}.npy", np.full((5, 3), number, np.float16))
        keys = [f"{number}-{row}" for row in range(5)]
        pq.write_table(pa.table({"id": keys, "labels": ["cat", "dog", *["cow"] * 3]}), matrices / f"{number}.parquet")
    for row in range(8):
        path = photos / f"class {row % 2}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(np.full((4, 4), row, np.uint8)))
    read = pa.concat_tables(list(READERS[name](find(pipeline(root / "matrices")))))
    held = {row["id"]: (row["features"], row["labels"]) for row in read.to_pylist()}
    assert len(held) == 10 and held["1-0"] == ([1, 1, 1], "cat")
    read = pa.concat_tables(list(READERS[name](find(pipeline(root / "photos", modality="image")))))
    found = {row["id"]: (row["image"]["bytes"], row["labels"]) for row in read.to_pylist()}
    assert len(found) == 8 and found["class 1/3.png"] == (png(np.full((4, 4), 3, np.uint8)), "class 1")


def check(given, name):
    """Assert that a reader gives what the files hold, and that a hasher trained through it is Arrow's."""
    from hashcore.training import fit

    tables = list(READERS[name](given))
    assert rows(tables) == rows([pq.read_table(file) for file in given.files])
    assert sum(map(len, tables)) == ROWS
    weights = []
    for reader in ("arrow", name):
        config = pipeline("unused", reader).train
        window = reading.window(reading.read(given, config), given, config)
        items = {name: values.numpy() for name, values in window.items.items()}
        weights.append(fit(items, window.supervision, config.training()).weights())
    assert weights[0] and all((weights[0][key] == weights[1][key]).all() for key in weights[0])
