"""Encode on Spark: codes of every readable corpus, whatever its files, steps and interruptions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoded_corpus import CODE_LENGTH, by_id, features, pipeline, replace_database

from hashcore.errors import OutputError
from jobs import encode
from jobs.engine.spark_engine import SparkEngine
from jobs.stages import codes_directory


def test_codes_are_those_of_the_hasher_whatever_the_files_and_batches(spark, root, hasher):
    encode.run(pipeline(root))
    found = codes_directory.read(str(root / "codes" / "database"))
    wanted = hasher.encode(features(20), "features")
    assert by_id(found) == {row + 7: bytes(code) for row, code in enumerate(wanted)}
    assert len(set(by_id(found).values())) > 10
    assert [found.labels.of(row).tolist() for row in range(20)] == [[1, 2]] * 20
    info = codes_directory.read_info(str(root / "codes" / "queries"))
    written = json.loads((root / "codes" / "queries" / "codes.json").read_text())
    assert (
        written
        == info.model_dump(exclude_none=True)
        == {
            "code_length": CODE_LENGTH,
            "kind": "dense",
            "hasher_fingerprint": hasher.fingerprint,
            "modality": "features",
            "rows": 6,
        }
    )


def test_codes_files_have_the_pinned_columns_and_row_groups(spark, root):
    encode.run(pipeline(root, rows_per_group=3))
    files = sorted((root / "codes" / "database" / "data").iterdir())
    assert [str(field.type) for field in pq.read_schema(files[0])] == ["int64", "binary", "list<element: int32>"]
    assert pq.read_schema(files[0]).names == ["id", "code", "labels"]
    sizes = [
        pq.read_metadata(file).row_group(g).num_rows
        for file in files
        for g in range(pq.read_metadata(file).num_row_groups)
    ]
    assert max(sizes) <= 3
    assert sum(sizes) == 20


def test_what_is_done_is_not_done_again(spark, root, capsys):
    encode.run(pipeline(root))
    capsys.readouterr()
    encode.run(pipeline(root))
    assert capsys.readouterr().out.count("done before") == 2


def test_steps_do_not_change_the_codes(spark, root, hasher):
    encode.run(pipeline(root, files_per_step=2))
    names = sorted(os.listdir(root / "codes" / "database" / codes_directory.DATA))
    assert {name[:10] for name in names} == {"part-00000", "part-00001"}
    found = by_id(codes_directory.read(str(root / "codes" / "database")))
    assert found == {row + 7: bytes(code) for row, code in enumerate(hasher.encode(features(20), "features"))}


def test_a_killed_run_goes_on_after_its_last_step(spark, root, hasher, monkeypatch):
    map_tasks, done = SparkEngine.map_tasks, []

    def killed(*arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(arguments)
        return map_tasks(*arguments)

    monkeypatch.setattr(SparkEngine, "map_tasks", killed)
    with pytest.raises(KeyboardInterrupt):
        encode.encode_part(pipeline(root, files_per_step=1), "database")
    half = root / "codes" / ".database.partial" / codes_directory.DATA
    assert [name[:10] for name in sorted(os.listdir(half))] == ["part-00000", "part-00001"]
    (half / "part-00002-00000.parquet").write_bytes(b"of a task of the killed step")
    (half / "part-00002-00009.parquet").write_bytes(b"of another division into partitions")
    del done[:-1]
    encode.encode_part(pipeline(root, files_per_step=1), "database")
    assert len(done) == 2
    found = by_id(codes_directory.read(str(root / "codes" / "database")))
    assert found == {row + 7: bytes(code) for row, code in enumerate(hasher.encode(features(20), "features"))}
    assert os.listdir(root / "codes") == ["database"]
    assert sorted(os.listdir(root / "codes" / "database")) == ["_hashcore.json", "codes.json", "data", "rejected"]


def test_codes_of_another_corpus_are_not_written_over(spark, root):
    encode.run(pipeline(root))
    replace_database(root, {"id": [1], "features": features(1).tolist(), "labels": [[1]]})
    with pytest.raises(OutputError, match="different input corpus"):
        encode.run(pipeline(root))


def test_what_does_not_decide_the_codes_does_not_set_them_apart(spark, root, capsys):
    encode.run(pipeline(root))
    touched = sorted((root / "corpus").rglob("*.parquet"))
    for file in touched:
        os.utime(file, (1_000, 1_000))
    encode.run(pipeline(root, config={"seed": 7}, batch_rows=3, max_rejected_share=0.5, rows_per_group=9))
    assert len(touched) > 2 and capsys.readouterr().out.count("done before") == 2


def test_few_distinct_codes_are_told(spark, root, hasher, caplog):
    alike = features(8).tolist() * 50
    replace_database(root, {"id": range(400), "features": alike, "labels": [[1]] * 400})
    encode.run(pipeline(root))
    few = len(set(map(bytes, hasher.encode(features(8), "features"))))
    (said,) = [record.getMessage() for record in caplog.records]
    assert f"codes/database: 400 items have only {few} distinct codes, " in said and "(under 5 %)" in said


def test_json_rows_with_single_labels_and_other_names_are_read(spark, root, hasher):
    for part in ("database", "queries"):
        for file in (root / "corpus" / part).iterdir():
            file.unlink()
        lines = [
            json.dumps({"key": row, "vector": values, "class": row % 3 if row else None})
            for row, values in enumerate(features(4).tolist())
        ]
        (root / "corpus" / part / "rows.json").write_text("\n".join(lines))
    encode.run(pipeline(root, config={"format": "json", "id": "key", "labels": "class"}, column="vector"))
    found = codes_directory.read(str(root / "codes" / "database"))
    assert by_id(found) == dict(enumerate(map(bytes, hasher.encode(features(4), "features"))))
    labels = {int(item): found.labels.of(row).tolist() for row, item in enumerate(found.ids)}
    assert labels == {0: [], 1: [1], 2: [2], 3: [0]}


def test_files_of_other_widths_and_folders_that_name_classes_are_encoded(spark, root, hasher):
    database = root / "corpus" / "database"
    shutil.rmtree(database)
    for number, (ids, floats) in enumerate(((pa.int32(), pa.float32()), (pa.int64(), pa.float64()))):
        (database / f"class={number}").mkdir(parents=True)
        values = features(20)[number * 10 : number * 10 + 10].tolist()
        columns = {
            "id": pa.array(range(number * 10, number * 10 + 10), ids),
            "features": pa.array(values, pa.list_(floats)),
        }
        pq.write_table(pa.table(columns), database / f"class={number}" / "part.parquet")
    encode.encode_part(pipeline(root, config={"labels": "class"}), "database")
    found = codes_directory.read(str(root / "codes" / "database"))
    assert by_id(found) == dict(enumerate(map(bytes, hasher.encode(features(20), "features"))))
    assert {int(item): found.labels.of(row).tolist() for row, item in enumerate(found.ids)} == {
        row: [row // 10] for row in range(20)
    }


def test_a_corpus_without_labels_gives_codes_without(spark, root):
    encode.run(pipeline(root, config={"labels": None}))
    assert codes_directory.read(str(root / "codes" / "database")).labels is None


def test_the_same_through_spark_submit(root, hasher):
    (root / "a.yaml").write_text(
        f"name: a\nroot: {root}\nencode: {{modality: features}}\nspark: {{master: 'local[1]'}}\n"
    )
    source = Path(encode.__file__)
    options = ["--properties-file", source.parents[1] / "conf/spark/local.conf"]
    done = subprocess.run(
        [Path(sys.executable).parent / "spark-submit", *options, source, "--config", root / "a.yaml"],
        env={**os.environ, "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(source.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "encode database: 20 codes of 12 bits, 0 rejected" in done.stdout
    wanted = hasher.encode(features(20), "features")
    assert by_id(codes_directory.read(str(root / "codes" / "database"))) == {
        row + 7: bytes(c) for row, c in enumerate(wanted)
    }
