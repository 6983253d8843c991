"""Whatever people hold becomes neighbors with their keys by a few words typed, and equals a scan of what it says."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from photographs import write_folder

from hashcore.codes import pack
from hashcore.hasher import Hasher
from jobs import cli
from jobs.stages import codes_directory

DATA = Path(os.environ.get("HASHCORE_DATA", "/nowhere"))
DEBIAN, CIFAR = DATA / "debian" / "debian_packages.parquet", DATA / "cifar10" / "cifar10_png.parquet"
ROWS, ASKED, K = 3_000, 40, 10


@pytest.fixture(scope="module")
def packages():
    """Names and embeddings, float16, of some Debian packages."""
    if not DEBIAN.exists():
        pytest.skip("needs Debian's packages in $HASHCORE_DATA")
    table = pq.read_table(DEBIAN).slice(0, ROWS)
    vectors = table.column("embedding").combine_chunks()
    return table.column("package").to_pylist(), vectors.flatten().to_numpy().reshape(len(table), -1)


def as_pandas(path, keys, vectors):
    import pandas as pd

    frame = pd.DataFrame({"package": keys, "embedding": list(vectors.astype(np.float32))})
    frame.to_parquet(path / "mine.parquet")
    return path / "mine.parquet"


def as_pyarrow(path, keys, vectors):
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    pq.write_table(pa.table({"package": keys, "embedding": flat}), path / "mine.parquet")
    return path / "mine.parquet"


def as_polars(path, keys, vectors):
    """Write the types that polars does: large strings, and fixed-size lists with its names."""
    kind = pa.list_(pa.field("element", pa.float32()), vectors.shape[1])
    flat = pa.array(vectors.astype(np.float32).reshape(-1))
    rows = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]).cast(kind)
    pq.write_table(pa.table({"package": pa.array(keys, pa.large_string()), "embedding": rows}), path / "mine.parquet")
    return path / "mine.parquet"


def as_npy(path, keys, vectors):
    """Write matrices and their rows' metadata, as clip-retrieval does."""
    for number, rows in enumerate(np.array_split(np.arange(len(keys)), 3)):
        for folder in ("img_emb", "metadata"):
            (path / "clip" / folder).mkdir(parents=True, exist_ok=True)
        np.save(path / "clip" / "img_emb" / f"img_emb_{number}.npy", vectors[rows])
        named = pa.table({"package": [keys[row] for row in rows], "caption": ["a"] * len(rows)})
        pq.write_table(named, path / "clip" / "metadata" / f"metadata_{number}.parquet")
    return path / "clip"


def of_run(folder):
    """Return the root of the only pipeline that was run in a folder."""
    (root,) = (folder / "runs").iterdir()
    return root


def typed(*lines):
    for line in lines:
        assert cli.main(line.split()) == 0


def neighbors(root):
    tables = [pq.read_table(path) for path in sorted((root / "neighbors").glob("part-*.parquet"))]
    return pa.concat_tables(tables)


def check(root, codes):
    """Compare the neighbors with a scan over codes, uint8 by key."""
    found = neighbors(root)
    keys, packed = list(codes), np.stack(list(codes.values()))
    place = {key: row for row, key in enumerate(keys)}
    assert len(found) == K * len(keys)
    ids = found.column("id").to_pylist()
    far = found.column("distance").to_numpy()
    asked = found.column("query_id").to_pylist()[::K]
    assert sorted(asked) == sorted(keys)
    for number in np.linspace(0, len(asked) - 1, ASKED).astype(int):
        distances = np.bitwise_count(packed ^ packed[place[asked[number]]]).sum(axis=1)
        mine = slice(K * number, K * number + K)
        assert far[mine].tolist() == np.sort(distances)[:K].tolist()
        assert [int(distances[place[key]]) for key in ids[mine]] == far[mine].tolist()
        assert len(set(ids[mine])) == K


def encoded(root, modality, values):
    return Hasher.load(str(root / "hasher")).encode(values, modality)


@pytest.mark.parametrize("write", [as_pandas, as_pyarrow, as_polars, as_npy])
def test_embeddings_as_tools_write_them(tmp_path, monkeypatch, packages, write):
    keys, vectors = packages
    monkeypatch.chdir(tmp_path)
    typed(f"init {write(tmp_path, keys, vectors)} --out my.yaml", "run --config my.yaml --set train.code_length=32")
    root = of_run(tmp_path)
    check(root, dict(zip(keys, encoded(root, "features", vectors.astype(np.float32)), strict=True)))


@pytest.mark.parametrize("signed", [False, True], ids=["ubinary", "binary"])
def test_embeddings_that_were_made_binary(tmp_path, monkeypatch, packages, signed):
    keys, vectors = packages
    packed = np.packbits(vectors > 0, axis=1)
    stored = (packed.astype(np.int16) - 128).astype(np.int8) if signed else packed
    lists = pa.FixedSizeListArray.from_arrays(pa.array(stored.reshape(-1)), stored.shape[1])
    lists = lists if signed else lists.cast(pa.list_(pa.uint8()))
    pq.write_table(pa.table({"_id": keys, "emb": lists}), tmp_path / "cohere.parquet")
    monkeypatch.chdir(tmp_path)
    verbs = [f"{verb} --config my.yaml" for verb in ("import", "index", "search")]
    typed("init cohere.parquet --out my.yaml", *verbs)
    root = of_run(tmp_path)
    check(root, dict(zip(keys, packed, strict=True)))
    info = codes_directory.read_info(str(root / "codes" / "database"))
    assert (info.bit_order, info.keys, info.code_length) == ("msb", "string", vectors.shape[1])
    held = codes_directory.read(str(root / "codes" / "database"))
    by_key = dict(zip(held.ids.to_pylist(), held.codes, strict=True))
    assert all(np.array_equal(by_key[key], pack(vectors[row : row + 1] > 0)[0]) for row, key in enumerate(keys[:50]))


def test_hashes_of_256_bits_in_hexadecimal_digits(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (300, 32), np.uint8)[rng.integers(0, 300, ROWS)]
    packed ^= (rng.random(packed.shape) < 0.02).astype(np.uint8)
    keys = [f"content/{number:x}" for number in rng.permutation(ROWS)]
    lines = [f"{key},{code.tobytes().hex()}" for key, code in zip(keys, packed, strict=True)]
    (tmp_path / "pdq.csv").write_text("\n".join(["content_id,hash", *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    typed("init pdq.csv --out my.yaml", *(f"{verb} --config my.yaml" for verb in ("import", "index", "search")))
    check(of_run(tmp_path), dict(zip(keys, packed, strict=True)))


def tarred(folder, path):
    """Write the images of a folder of classes as WebDataset's tars, and return their keys by their files."""
    path.mkdir()
    keys = {}
    images = sorted(each for each in folder.rglob("*") if each.is_file())
    for number, rows in enumerate(np.array_split(np.arange(len(images)), 3)):
        with tarfile.open(path / f"{number:05}.tar", "w") as tar:
            for row in rows:
                image, key = images[row], f"{row:08}"
                tar.add(image, f"{key}{image.suffix}")
                label = path / "label.cls"
                label.write_text(image.parent.name)
                tar.add(label, f"{key}.cls")
                label.unlink()
                keys[image] = key
    return keys


@pytest.mark.parametrize("kind", ["folder", "tars"])
def test_images_of_every_size_colour_and_format(tmp_path, monkeypatch, kind, capsys):
    write_folder(tmp_path / "photos", 240, 4, broken=0.02, seed=3)
    held = {
        path: path.relative_to(tmp_path / "photos").as_posix()
        for path in (tmp_path / "photos").rglob("*")
        if path.is_file()
    }
    where = "photos" if kind == "folder" else "tars"
    if kind == "tars":
        held = tarred(tmp_path / "photos", tmp_path / "tars")
    monkeypatch.chdir(tmp_path)
    limits = "--set train.max_rejected_share=0.05 --set encode.max_rejected_share=0.05 --set train.epochs=3"
    typed(f"init {where} --out my.yaml", f"run --config my.yaml {limits}")
    said, root = capsys.readouterr().out, of_run(tmp_path)
    hasher, codes = Hasher.load(str(root / "hasher")), {}
    (modality,) = hasher.modalities
    for path, key in held.items():
        read = hasher.modalities[modality].input.read(pa.array([path.read_bytes()], pa.binary()))
        if len(read.kept):
            codes[key] = hasher.encode(read.values, modality)[0]
    assert 0 < len(held) - len(codes) <= 0.05 * len(held)
    assert f"{len(held) - len(codes)} rejected" in said
    check(root, codes)
    metrics = json.loads((root / "metrics.json").read_text())
    assert all(example["labels"][0].startswith("class-") for example in metrics["examples"])
    page = (root / "report.html").read_text()
    assert "class-0" in page and page.count("data:image/") > 20


def test_cifar_10_as_it_is_given_in_parquet(tmp_path, monkeypatch):
    if not CIFAR.exists():
        pytest.skip("needs CIFAR-10 in $HASHCORE_DATA")
    table = pq.read_table(CIFAR).slice(0, 600)
    pq.write_table(table, tmp_path / "cifar10_png.parquet")
    monkeypatch.chdir(tmp_path)
    typed("init cifar10_png.parquet --out my.yaml", "run --config my.yaml --set train.epochs=1")
    root = of_run(tmp_path)
    hasher = Hasher.load(str(root / "hasher"))
    (modality,) = hasher.modalities
    read = hasher.modalities[modality].input.read(table.column("image_png").combine_chunks())
    check(root, dict(zip(table.column("index").to_pylist(), hasher.encode(read.values, modality), strict=True)))
