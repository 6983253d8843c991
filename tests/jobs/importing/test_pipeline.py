"""Imported codes are indexed and searched as those of a hasher are: answers equal a linear scan by plain arithmetic."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imported_codes import bits_of, byte_values, imported, number, pipeline, write_parquet

from hashcore.errors import OutputError, TaskError
from hashcore.storage import files
from jobs import cli, index, search
from jobs.config.of_index import pipeline_of
from jobs.generations import append
from jobs.importing import import_codes
from jobs.stages import codes_directory

LENGTH, K = 64, 4


def near(rows, seed=0):
    """Bits of some items around a few centres."""
    centres = bits_of(5, LENGTH, 99)
    noise = bits_of(rows, LENGTH, seed)
    return [
        [
            bit ^ (flip if place % 7 == row % 7 else 0)
            for place, (bit, flip) in enumerate(zip(centres[row % 5], each, strict=True))
        ]
        for row, each in enumerate(noise)
    ]


def scanned(queries, items):
    """Return (query, key, distance) of the nearest by comparing all."""
    answers = []
    for query, bits in queries.items():
        ranked = sorted(((number(bits) ^ number(other)).bit_count(), key) for key, other in items.items())
        answers.append([(query, distance) for distance, _ in ranked[:K]])
    return [pair for each in answers for pair in each]


@pytest.mark.parametrize("form", ["csv of hex with keys", "parquet of packed codes", "matrix of bits"])
def test_neighbors_of_imported_codes_equal_a_linear_scan(tmp_path, form):
    items = {f"item/{row}": bits for row, bits in enumerate(near(60))}
    queries = {f"item/{row}": bits for row, bits in enumerate(near(7, 3))}
    said = {"bit_order": "msb", "id": "key"}
    suffix = ".csv" if form.startswith("csv") else ".parquet"
    paths = [tmp_path / f"{name}{suffix}" for name in ("a", "b")]
    for path, held in zip(paths, (items, queries), strict=True):
        packed = [bytes(byte_values(bits, "msb")) for bits in held.values()]
        if form.startswith("csv"):
            pd.DataFrame({"key": list(held), "pdq": [code.hex() for code in packed]}).to_csv(path, index=False)
        elif form.startswith("parquet"):
            write_parquet(path, pa.array(packed), key=pa.array(list(held)))
        else:
            write_parquet(path, pa.array(list(held.values())), key=pa.array(list(held)))
            said = {"id": "key"}
    made = pipeline(tmp_path, paths[0], queries=str(paths[1]), search={"k": K}, **said)
    for stage in (import_codes, index, search):
        stage.run(made)
    found = pq.read_table(tmp_path / "neighbors").to_pylist()
    assert sorted((row["query_id"], row["distance"]) for row in found) == sorted(scanned(queries, items))
    for row in found:
        assert row["distance"] == (number(queries[row["query_id"]]) ^ number(items[row["id"]])).bit_count()


def test_one_command_takes_codes_to_neighbors_and_figures(tmp_path, capsys):
    classes = [row % 5 for row in range(60)]
    column = pa.array([bytes(byte_values(bits, "lsb")) for bits in near(60)])
    write_parquet(tmp_path / "a.parquet", column, kind=pa.array([f"class {each}" for each in classes]))
    values = {
        "name": "a",
        "root": str(tmp_path / "run"),
        "import": {
            "codes": str(tmp_path / "a.parquet"),
            "queries": str(tmp_path / "a.parquet"),
            "bit_order": "lsb",
            "labels": "kind",
        },
        "search": {"k": 3},
        "evaluate": {"measures": ["mAP"], "knn": [1], "examples": 2},
    }
    (tmp_path / "a.yaml").write_text(json.dumps(values))
    assert cli.main(["run", "--config", str(tmp_path / "a.yaml")]) == 0
    assert "code is read as packed, lsb, 64 bits; ids: numbers of rows" in capsys.readouterr().out
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())["figures"]
    assert figures["mAP"]["value"] > 0.9
    assert (tmp_path / "run" / "report.html").exists()
    assert pipeline_of(str(tmp_path / "run" / "index")).import_.labels == "kind"


def test_a_second_run_does_nothing_and_other_options_are_refused(tmp_path, capsys):
    path = write_parquet(tmp_path / "a.parquet", pa.array([bytes(byte_values(bits, "lsb")) for bits in near(9)]))
    for _ in range(2):
        imported(tmp_path, path, bit_order="lsb")
    assert "import database: done before" in capsys.readouterr().out
    with pytest.raises(OutputError, match=r"different import\.bit_order"):
        imported(tmp_path, path, bit_order="msb")


def test_codes_that_are_read_alike_are_appended_and_others_are_not(tmp_path):
    first = pa.array([bytes(byte_values(bits, "msb")) for bits in near(20)])
    later = pa.array([bytes(byte_values(bits, "msb")).hex() for bits in near(6, 5)])
    write_parquet(tmp_path / "a.parquet", first, id=pa.array(range(20)))
    write_parquet(tmp_path / "b.parquet", later, id=pa.array(range(100, 106)))
    made = pipeline(tmp_path / "run", tmp_path / "a.parquet", bit_order="msb", id="id")
    import_codes.run(made)
    index.run(made)
    imported(tmp_path / "more", tmp_path / "b.parquet", bit_order="msb", id="id")
    grown = made.model_copy(
        update={"append": made.append.model_copy(update={"codes": str(tmp_path / "more" / "codes" / "database")})}
    )
    append.run(grown)
    info = codes_directory.read_info(str(tmp_path / "more" / "codes" / "database"))
    assert info.hasher_fingerprint.startswith("import:")
    assert info.modality == "codes"


def test_an_import_that_failed_goes_on_after_its_last_step(tmp_path, monkeypatch):
    folder = tmp_path / "files"
    folder.mkdir()
    for place in range(3):
        column = pa.array([bytes(byte_values(bits, "msb")).hex() for bits in near(10, place)])
        write_parquet(folder / f"{place}.parquet", column)
    monkeypatch.setattr(import_codes, "FILES_PER_STEP", 1)
    real, seen = import_codes.import_share, []

    def failing(work, task):
        if work.step == 2 and 9 not in seen:
            seen.append(work.step)
            raise RuntimeError("the power went")
        seen.append(work.step)
        return real(work, task)

    monkeypatch.setattr(import_codes, "import_share", failing)
    made = pipeline(tmp_path, folder, bit_order="msb").model_copy(update={"engine": "process"})
    with pytest.raises(TaskError, match="the power went"):
        import_codes.run(made)
    assert not (tmp_path / "codes" / "database").exists()
    seen[:] = [9]
    import_codes.run(made)
    rows = codes_directory.read(str(tmp_path / "codes" / "database"))
    assert seen == [9, 2]
    assert sorted(rows.ids.tolist()) == list(range(30))


def test_spark_writes_the_bytes_that_this_process_writes(spark, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for place in range(3):
        column = pa.array([bytes(byte_values(bits, "msb")).hex() for bits in near(10, place)])
        write_parquet(folder / f"{place}.parquet", column, kind=pa.array([f"class {row % 2}" for row in range(10)]))
    written = []
    for engine in ("process", "spark"):
        made = pipeline(tmp_path / engine, folder, bit_order="msb", labels="kind")
        import_codes.run(made.model_copy(update={"engine": engine}))
        held = tmp_path / engine / "codes" / "database"
        files_written = [*sorted((held / "data").iterdir()), held / "codes.json"]
        written.append([(file.name, file.read_bytes()) for file in files_written])
    assert written[0] == written[1]
    assert len(written[0]) >= 2


@pytest.mark.parametrize("order", ["lsb", "msb"])
def test_a_code_is_asked_and_shown_in_the_digits_that_were_imported(tmp_path, capsys, order):
    codes = [bytes(byte_values(bits, "msb")).hex() for bits in near(20)]
    made = pipeline(tmp_path, write_parquet(tmp_path / "a.parquet", pa.array(codes)), bit_order=order)
    import_codes.run(made)
    index.run(made)
    capsys.readouterr()
    assert cli.main(["search", str(tmp_path / "index"), "--query", codes[7], "--k", "1"]) == 0
    assert capsys.readouterr().out.split()[-2:] == ["7", "0"]
    assert cli.main(["show", str(tmp_path / "index"), "7"]) == 0
    assert f"code 0x{codes[7]} of 64 bits" in capsys.readouterr().out


def test_codes_of_a_bucket_are_imported_into_a_bucket(bucket):
    system, inner = files.located(f"{bucket}/codes/0.parquet")
    held = pa.table({"key": ["a", "b"], "code": ["00ff00ff00ff00ff", "ff00ff00ff00ff00"]})
    pq.write_table(held, inner, filesystem=system)
    rows = imported(f"{bucket}/run", f"{bucket}/codes", bit_order="lsb", id="key")
    assert rows.ids.to_pylist() == ["a", "b"]
    assert [code.tobytes().hex() for code in rows.codes] == held.column("code").to_pylist()
