"""Encode on Spark: codes of every readable corpus, bad rows set aside, and nothing half-written."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from hashcore.errors import ConfigError, InvalidInputError, OutputError
from hashcore.hasher import Hasher, Modality
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.networks.spec import Linear, Preprocessing
from hashcore.storage import files
from jobs import encode
from jobs.config.pipeline import Pipeline
from jobs.corpora import encode_task
from jobs.corpora.encode_task import Work
from jobs.engine.spark_engine import SparkEngine
from jobs.stages import codes_directory

CODE_LENGTH, DIMENSIONS = 12, 5


def pipeline(root, config=None, **encode_values):
    return Pipeline.model_validate(
        {
            "name": "a",
            "root": str(root),
            "corpus": {"source": "files", **(config or {})},
            "encode": {"modality": "features", "batch_rows": 4, **encode_values},
        }
    )


def features(rows, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, DIMENSIONS)).astype(np.float32)


def write_corpus(path, columns, files=1):
    """Write a corpus of one or more Parquet files."""
    table = pa.table(columns)
    os.makedirs(path)
    bounds = np.linspace(0, len(table), files + 1).astype(int)
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        pq.write_table(table.slice(start, stop - start), path / f"{number}.parquet")


@pytest.fixture(scope="module")
def hasher():
    """Random hyperplanes for features and for images of 2 × 3 pixels."""
    torch.manual_seed(0)
    inputs = {"features": FeatureInput(dimensions=DIMENSIONS), "image": ImageInput(height=2, width=3)}
    modalities = {
        name: Modality(input=spec, preprocessing=Preprocessing(), network=Linear()) for name, spec in inputs.items()
    }
    return Hasher(CODE_LENGTH, modalities, {name: spec.module(CODE_LENGTH) for name, spec in modalities.items()})


@pytest.fixture
def root(tmp_path, hasher):
    """A pipeline's root with a hasher, a database of 20 rows and 6 queries."""
    root = tmp_path / "a root"  # a space in it, since Spark turns paths into URIs
    hasher.save(str(root / "hasher"))
    for part, rows, seed in (("database", 20, 0), ("queries", 6, 1)):
        columns = {"id": np.arange(rows) + 7, "features": features(rows, seed).tolist(), "labels": [[1, 2]] * rows}
        write_corpus(root / "corpus" / part, columns, files=3)
    return root


def replace_database(root, columns):
    """Put another corpus in the place of the database."""
    for file in (root / "corpus" / "database").iterdir():
        file.unlink()
    pq.write_table(pa.table(columns), root / "corpus" / "database" / "0.parquet")


def by_id(rows):
    return dict(zip(rows.ids.tolist(), map(bytes, rows.codes), strict=True))


def test_codes_are_those_of_the_hasher_whatever_the_files_and_batches(spark, root, hasher):
    encode.run(pipeline(root))
    found = codes_directory.read(str(root / "codes" / "database"))
    wanted = hasher.encode(features(20), "features")
    assert by_id(found) == {row + 7: bytes(code) for row, code in enumerate(wanted)}
    assert len(set(by_id(found).values())) > 10
    assert [found.labels.of(row).tolist() for row in range(20)] == [[1, 2]] * 20
    info = codes_directory.read_info(str(root / "codes" / "queries"))
    assert info.model_dump() == {
        "code_length": CODE_LENGTH,
        "kind": "dense",
        "hasher_fingerprint": hasher.fingerprint,
        "modality": "features",
        "rows": 6,
    }


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


BAD = [None, [1.0, 2.0], [float("nan")] * DIMENSIONS, [float("inf")] * DIMENSIONS]


def test_bad_rows_are_set_aside_with_their_reasons(spark, root, hasher, capsys):
    good = features(9)
    replace_database(
        root, {"id": range(13), "features": BAD[:2] + good.tolist() + BAD[2:], "labels": [[i] for i in range(13)]}
    )
    encode.run(pipeline(root, max_rejected_share=0.4))
    assert "9 codes of 12 bits, 4 rejected" in capsys.readouterr().out
    found = codes_directory.read(str(root / "codes" / "database"))
    assert by_id(found) == {row + 2: bytes(code) for row, code in enumerate(hasher.encode(good, "features"))}
    assert sorted(found.labels.values.tolist()) == list(range(2, 11))
    rejected = pq.read_table(root / "codes" / "database" / "rejected").to_pylist()
    assert sorted(row["id"] for row in rejected) == [0, 1, 11, 12]
    assert all(row["reason"] for row in rejected)


def test_rejected_rows_are_retried_alone_once_they_are_mended(spark, root, hasher):
    good = features(13)
    broken = BAD[:2] + good[2:11].tolist() + BAD[2:]
    replace_database(root, {"id": range(13), "features": broken, "labels": [[i] for i in range(13)]})
    encode.run(pipeline(root, max_rejected_share=0.4))
    replace_database(root, {"id": range(13), "features": good.tolist(), "labels": [[i] for i in range(13)]})
    again = pipeline(root, only_ids=str(root / "codes" / "database" / "rejected"))
    values = again.model_dump()
    values["paths"]["codes_database"] = str(root / "codes" / "mended")
    encode.run(Pipeline.model_validate(values))
    expected = hasher.encode(good, "features")
    assert by_id(codes_directory.read(str(root / "codes" / "mended"))) == {
        row: bytes(expected[row]) for row in (0, 1, 11, 12)
    }


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def test_images_are_decoded_and_bad_ones_set_aside(spark, root, hasher):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 2, 3), np.uint8)
    good = [png(image) for image in pixels]
    bad = [None, good[0][:-30], b"", b"no image", png(np.zeros((3, 3), np.uint8))]
    items = {"id": range(9), "picture": [*good, *bad], "labels": [[1]] * 9}
    for part in ("database", "queries"):
        shutil.rmtree(root / "corpus" / part)
        write_corpus(root / "corpus" / part, items)
    encode.run(pipeline(root, modality="image", column="picture", max_rejected_share=0.6))
    found = by_id(codes_directory.read(str(root / "codes" / "queries")))
    assert found == dict(enumerate(map(bytes, hasher.encode(pixels[:, None], "image"))))
    rejected = pq.read_table(root / "codes" / "queries" / "rejected").to_pylist()
    reasons = {row["id"]: row["reason"] for row in rejected}
    assert sorted(reasons) == [4, 5, 6, 7, 8]
    assert reasons[4] == "null"
    assert "truncated" in reasons[5]
    assert "3 x 3" in reasons[8]


def test_a_column_of_another_kind_is_refused(spark, root):
    with pytest.raises(InvalidInputError, match=r"images are .* but must be binary"):
        encode.run(pipeline(root, modality="image", column="features"))


def test_too_many_bad_rows_fail_the_job_and_leave_a_list_of_them_alone(spark, root):
    bad = [None] * 7 + [[1.0, 2.0]] * 2
    replace_database(root, {"id": range(24), "features": [*features(15).tolist(), *bad], "labels": [[1]] * 24})
    with pytest.raises(InvalidInputError) as caught:
        encode.run(pipeline(root, max_rejected_share=0.2))
    kept = root / "codes" / "database.rejected"
    assert str(caught.value) == (
        f"{root}/corpus/database: 9 of 24 rows are bad, more than encode.max_rejected_share=0.2: null: 7 rows (ids 15, "
        f"16, 17, 18, 19, …), 2 values where 5 are needed: 2 rows (ids 22, 23); all are listed in {kept}; mend them, "
        "or go on without them by --set encode.max_rejected_share=0.375"
    )
    assert os.listdir(root / "codes") == ["database.rejected"]
    assert sorted(row["id"] for row in pq.read_table(kept).to_pylist()) == list(range(15, 24))


def test_going_on_without_the_bad_rows_is_what_the_error_says_and_removes_its_list(spark, root, capsys):
    replace_database(root, {"id": range(3), "features": [*features(2).tolist(), None], "labels": [[1]] * 3})
    with pytest.raises(InvalidInputError) as caught:
        encode.run(pipeline(root))
    key, share = re.search(r"--set encode\.(max_rejected_share)=(\S+)$", str(caught.value)).groups()
    encode.run(pipeline(root, **{key: float(share)}))
    assert "2 codes of 12 bits, 1 rejected: null: 1 row (id 2) ->" in capsys.readouterr().out
    assert sorted(os.listdir(root / "codes")) == ["database", "queries"]


def test_ids_that_the_corpus_has_not_are_named(spark, root, caplog):
    pq.write_table(pa.table({"id": [9, 8, 99, 98]}), root / "some.parquet")
    encode.run(pipeline(root, only_ids=str(root / "some.parquet")))
    assert codes_directory.read_info(str(root / "codes" / "database")).rows == 2
    said = f"corpus/database has not 2 of the ids of encode.only_ids={root}/some.parquet: 98, 99"
    assert [record.getMessage() for record in caplog.records] == [f"{root}/{said}"]


def test_ids_none_of_which_the_corpus_has_are_named(spark, root):
    pq.write_table(pa.table({"id": range(90, 99)}), root / "some.parquet")
    with pytest.raises(InvalidInputError, match=r"none of the 9 ids of encode\.only_ids=.*90, 91, 92, 93, 94, …;"):
        encode.run(pipeline(root, only_ids=str(root / "some.parquet")))


def test_without_a_query_set_the_database_alone_is_encoded(spark, root, capsys):
    shutil.rmtree(root / "corpus" / "queries")
    encode.run(pipeline(root))
    assert f"encode queries: there is no {root}/corpus/queries; none encoded" in capsys.readouterr().out
    assert os.listdir(root / "codes") == ["database"]


def test_a_query_set_that_is_named_and_missing_is_an_error(spark, root):
    values = pipeline(root).model_dump()
    values["paths"]["corpus_queries"] = str(root / "corpus" / "asked")
    with pytest.raises(InvalidInputError, match="corpus/asked does not exist or is empty"):
        encode.run(Pipeline.model_validate(values))


def test_queries_without_labels_are_encoded_by_the_hint_of_the_error(spark, root, capsys):
    shutil.rmtree(root / "corpus" / "queries")
    write_corpus(root / "corpus" / "queries", {"id": range(3), "features": features(3).tolist()})
    with pytest.raises(InvalidInputError, match=r"--set encode\.queries\.labelled=false where items have none"):
        encode.run(pipeline(root))
    encode.run(pipeline(root, queries={"labelled": False}))
    assert "encode database: done before" in capsys.readouterr().out
    assert codes_directory.read(str(root / "codes" / "queries")).labels is None
    assert codes_directory.read(str(root / "codes" / "database")).labels is not None


def test_each_part_is_read_by_a_modality_of_its_own(spark, root, hasher, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 2, 3), np.uint8)
    shutil.rmtree(root / "corpus" / "queries")
    write_corpus(root / "corpus" / "queries", {"id": range(4), "image": [png(each) for each in pixels]})
    of_queries = {"modality": "image", "labelled": False}
    encode.run(pipeline(root, queries=of_queries))
    found = by_id(codes_directory.read(str(root / "codes" / "queries")))
    assert found == dict(enumerate(map(bytes, hasher.encode(pixels[:, None], "image"))))
    assert codes_directory.read_info(str(root / "codes" / "database")).modality == "features"
    encode.run(pipeline(root, queries=of_queries))
    assert capsys.readouterr().out.count("done before") == 2


def test_a_modality_of_a_part_that_the_hasher_does_not_read_is_named_by_its_key(root):
    with pytest.raises(InvalidInputError, match=r"encode\.database\.modality=sound: this hasher reads features, image"):
        encode.run(pipeline(root, database={"modality": "sound"}))


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


def test_a_corpus_of_bad_rows_alone_fails_whatever_the_share(spark, root):
    replace_database(root, {"id": [1], "features": pa.array([None], pa.list_(pa.float32())), "labels": [[1]]})
    with pytest.raises(InvalidInputError, match="1 of 1 rows are bad"):
        encode.run(pipeline(root, max_rejected_share=1.0))


def columns(**changed):
    made = {"id": [1, 2], "features": features(2).tolist(), "labels": [[1], [2]]}
    return {name: values for name, values in {**made, **changed}.items() if values is not None}


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (columns(id=[1, None]), "1 ids in id are null"),
        (columns(id=None), r"has no column id \(corpus\.id\); it has features, labels"),
        (columns(features=None), r"has no column features \(encode\.column\); it has id, labels"),
        (columns(labels=None), r"has no column labels .*; use --set corpus\.labels=null"),
        (columns(id=["a", "b"]), "ids in id are string; number the items"),
        (columns(labels=["cat", "dog"]), "labels in labels are string; number the classes"),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused_and_nothing_is_written(spark, root, capfd, held, message):
    replace_database(root, held)
    with pytest.raises(InvalidInputError, match=message) as caught:
        encode.run(pipeline(root))
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err
    assert not (root / "codes").exists() or os.listdir(root / "codes") == []


def test_an_empty_corpus_is_refused(spark, root):
    empty = {"id": pa.int64(), "features": pa.list_(pa.float32()), "labels": pa.list_(pa.int32())}
    replace_database(root, {name: pa.array([], kind) for name, kind in empty.items()})
    with pytest.raises(InvalidInputError, match="is empty; give a corpus with at least one row"):
        encode.run(pipeline(root))


def test_a_missing_corpus_is_named(spark, root):
    for file in (root / "corpus" / "queries").iterdir():
        file.unlink()
    with pytest.raises(InvalidInputError, match=r"corpus/queries does not exist or is empty"):
        encode.run(pipeline(root))


def test_files_that_spark_cannot_read_are_named(spark, root):
    for file in (root / "corpus" / "database").iterdir():
        file.write_bytes(b"no parquet")
    with pytest.raises(InvalidInputError, match=r"corpus/database cannot be read as parquet") as caught:
        encode.run(pipeline(root))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_damaged_further_on_is_named_and_nothing_is_written(spark, root):
    last = max((root / "corpus" / "database").iterdir())
    content = bytearray(last.read_bytes())
    content[4:60] = bytes(56)
    last.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"corpus/database cannot be read as parquet"):
        encode.run(pipeline(root))
    assert os.listdir(root / "codes") == []


def test_an_unknown_format_is_named(spark, root):
    with pytest.raises(InvalidInputError, match=r"cannot be read as papyrus"):
        encode.run(pipeline(root, config={"format": "papyrus"}))


def test_a_place_that_spark_cannot_read_is_one_line(spark, root, bucket):
    files.write_bytes(f"{bucket}/corpus/rows.json", b"{}")
    values = pipeline(root, config={"format": "json"}).model_dump()
    values["paths"]["corpus_database"] = f"{bucket}/corpus"
    with pytest.raises(InvalidInputError, match=rf"{bucket}/corpus cannot be read as json: .*s3") as caught:
        encode.run(Pipeline.model_validate(values))
    assert "\n" not in str(caught.value)


def test_an_unknown_modality_is_refused(root):
    with pytest.raises(InvalidInputError, match=r"encode\.modality=sound: this hasher reads features, image"):
        encode.run(pipeline(root, modality="sound"))


def test_an_unwritable_output_is_refused(spark, root):
    (root / "codes").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        encode.run(pipeline(root))


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


@pytest.mark.parametrize(
    ("row", "config", "message"),
    [
        ({"labels": 3_000_000_000}, {}, "labels in labels span .* but must fit int32"),
        ({"labels": [0, 0, 1]}, {}, r"lists of 3 values, all 0 and 1: .*corpus\.labels_as=hot"),
        ({"labels": "cat"}, {}, "labels in labels are string; number the classes"),
        ({"id": 9_223_372_036_854_775_808}, {}, r"ids in id are decimal128.*; number the items"),
    ],
)
def test_json_rows_are_refused_as_those_of_parquet_are(spark, root, row, config, message):
    for file in (root / "corpus" / "database").iterdir():
        file.unlink()
    line = json.dumps({"id": 1, "features": [1.5] * DIMENSIONS, "labels": [1], **row})
    (root / "corpus" / "database" / "rows.json").write_text(line)
    with pytest.raises(InvalidInputError, match=message) as caught:
        encode.run(pipeline(root, config={"format": "json", **config}))
    assert "\n" not in str(caught.value)


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


def test_csv_is_refused_before_anything_starts(root):
    with pytest.raises(ConfigError, match=r"corpus\.format=csv: a cell of csv is neither a list nor an image"):
        encode.run(pipeline(root, config={"format": "csv"}))


def test_a_corpus_without_labels_gives_codes_without(spark, root):
    encode.run(pipeline(root, config={"labels": None}))
    assert codes_directory.read(str(root / "codes" / "database")).labels is None


def test_a_worker_loads_the_hasher_once(root, hasher):
    first = encode_task.load_hasher(str(root / "hasher"), hasher.fingerprint)
    assert encode_task.load_hasher(str(root / "hasher"), hasher.fingerprint) is first


def test_a_worker_without_the_gpu_that_its_task_takes_says_so(root, hasher):
    with pytest.raises(ConfigError, match=r"^encode\.gpus: torch .* cannot compute on cuda:99"):
        encode_task.load_hasher(str(root / "hasher"), hasher.fingerprint, "cuda:99")


def test_a_hasher_that_changes_during_the_run_is_noticed(root):
    with pytest.raises(InvalidInputError, match="changed from other"):
        encode_task.load_hasher(str(root / "hasher"), "other")


def test_a_task_that_runs_twice_leaves_one_file(tmp_path):
    for part in (codes_directory.DATA, encode_task.SCRATCH):
        (tmp_path / part).mkdir()
    work = Work(str(tmp_path), 7, "", "", "features", rows_per_group=2)
    for _ in range(2):
        with encode_task.part_file(work, codes_directory.DATA, 3) as file:
            for start in range(5):
                file.write(pa.table({"id": [start]}))
    assert os.listdir(tmp_path / codes_directory.DATA) == ["part-00007-00003.parquet"]
    assert os.listdir(tmp_path / encode_task.SCRATCH) == []
    written = pq.ParquetFile(tmp_path / codes_directory.DATA / "part-00007-00003.parquet")
    assert [written.metadata.row_group(g).num_rows for g in range(written.num_row_groups)] == [2, 2, 1]


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
