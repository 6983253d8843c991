"""Outputs are whole or absent, know what made them, and are never written over another's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashcore.errors import InvalidInputError, OutputError
from hashcore.storage import files
from jobs.config.pipeline import Pipeline
from jobs.stages import outputs, records


def record(stage="search", inputs=None, **values):
    return records.record(Pipeline.model_validate({"name": "a", **values}), stage, ("search",), inputs)


def write(path, made, then=lambda: None):
    with outputs.writing(str(path), made) as staging:
        os.makedirs(staging)
        Path(staging, "data").write_text("hello")
        then()


def grow(root, made, then=lambda: None):
    with outputs.growing(str(root), made):
        (root / "shard").touch()
        then()


def stop():
    raise RuntimeError("stop")


def test_a_directory_appears_with_its_record_when_the_block_ends(tmp_path):
    path, made = tmp_path / "deep" / "output", record()
    with outputs.writing(str(path), made) as staging:
        os.makedirs(staging)
        Path(staging, "data").write_text("hello")
        assert not path.exists()
    assert (path / "data").read_text() == "hello"
    assert records.read(str(path)) == made
    assert os.listdir(path.parent) == ["output"]


def test_a_file_appears_with_its_record_beside_it(tmp_path):
    path = tmp_path / "metrics.json"
    with outputs.writing(str(path), record()) as staging:
        Path(staging).write_text("{}")
    assert path.read_text() == "{}"
    assert sorted(os.listdir(tmp_path)) == ["metrics.hashcore.json", "metrics.json"]
    assert outputs.is_finished(str(path), record())


def test_the_record_holds_the_whole_resolved_configuration(tmp_path):
    write(tmp_path / "output", record(search={"k": 3}))
    found = records.read(str(tmp_path / "output"))
    assert Pipeline.model_validate(found.pipeline) == Pipeline.model_validate({"name": "a", "search": {"k": 3}})


def test_a_failed_block_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="stop"):
        write(tmp_path / "output", record(), then=stop)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    (tmp_path / ".output.partial").mkdir()
    (tmp_path / ".output.partial" / "half").touch()
    write(tmp_path / "output", record())
    assert sorted(os.listdir(tmp_path / "output")) == [records.RECORD, "data"]
    assert os.listdir(tmp_path) == ["output"]


WAITING = """
import sys
from jobs.stages import outputs
from jobs.stages.claim import claimed
from jobs.config.pipeline import Pipeline
from jobs.stages import records
kind, path = sys.argv[1:]
made = records.record(Pipeline.model_validate({"name": "a", "search": {"k": 5}}), "search", ("search",), None)
resumes = {"resumes": True} if kind == "resuming" else {}
begin = {"keeping": outputs.keeping}.get(kind, lambda *given: outputs.writing(*given, **resumes))
with begin(path, made):
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["writing", "resuming", "keeping"])
@pytest.mark.parametrize("other", [record(), record(search={"k": 5})])
def test_a_second_run_of_one_output_is_told_so_and_touches_nothing(tmp_path, kind, other):
    path = tmp_path / "output"
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, kind, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "begun\n"
        before = tree(tmp_path)
        second = outputs.keeping if kind == "keeping" else outputs.writing
        with (
            pytest.raises(OutputError, match="is being written by another run; wait until it ends"),
            second(str(path), other),
        ):
            pytest.fail("the block must not begin")
        assert tree(tmp_path) == before
        first.kill()
    with second(str(path), other) as staging:  # a killed run holds nothing
        os.makedirs(staging, exist_ok=True)


def tree(folder):
    return {name: name.read_bytes() for name in folder.rglob("*") if name.is_file()}


def half_written(path, made):
    """Leave what a run leaves that is killed."""
    staging = path.with_name(f".{path.name}.partial")
    staging.mkdir()
    (staging / "done").touch()
    (staging / records.RECORD).write_text(made.model_dump_json())


def test_a_block_that_resumes_finds_what_a_killed_run_had_done(tmp_path):
    half_written(tmp_path / "output", record())
    with outputs.writing(str(tmp_path / "output"), record(), resumes=True) as staging:
        assert Path(staging, "done").exists()
    assert sorted(os.listdir(tmp_path / "output")) == [records.RECORD, "done"]


@pytest.mark.parametrize(("other", "resumes"), [(record(inputs={"codes": "2"}), True), (record(), False)])
def test_what_another_pipeline_or_a_block_that_does_not_resume_finds_is_empty(tmp_path, other, resumes):
    half_written(tmp_path / "output", record())
    with outputs.writing(str(tmp_path / "output"), other, resumes=resumes) as staging:
        assert not Path(staging, "done").exists()
        os.makedirs(staging, exist_ok=True)


def test_an_absent_or_empty_place_is_not_finished(tmp_path):
    assert not outputs.is_finished(str(tmp_path / "absent"), record())
    assert not outputs.is_finished(str(tmp_path), record())


def test_a_finished_output_is_recognised(tmp_path):
    write(tmp_path / "output", record(inputs={"codes": "1"}))
    assert outputs.is_finished(str(tmp_path / "output"), record(inputs={"codes": "1"}))


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (record(search={"k": 3}), r"different search\.k"),
        (record(inputs={"codes": "2"}), "different input codes"),
        (record(stage="encode"), "different"),
        (record(inputs={}), "different input codes"),
    ],
)
def test_the_output_of_another_pipeline_is_refused(tmp_path, other, difference):
    write(tmp_path / "output", record(inputs={"codes": "1"}))
    with pytest.raises(OutputError, match=difference):
        outputs.is_finished(str(tmp_path / "output"), other)


@pytest.mark.parametrize("name", ["neighbors", "metrics", "index"])
def test_who_refuses_an_output_names_the_option_of_its_own_place(tmp_path, name):
    place = str(tmp_path / "output")
    write(place, record(inputs={"codes": "1"}))
    with pytest.raises(OutputError, match=rf"write elsewhere by --set paths\.{name}={place}-2$"):
        outputs.is_finished(place, record(inputs={"codes": "2"}, paths={name: place}))


def test_a_change_that_does_not_decide_the_output_is_no_other_pipeline(tmp_path):
    write(tmp_path / "output", record())
    assert outputs.is_finished(str(tmp_path / "output"), record(spark={"driver_memory": "9g"}, root="elsewhere"))


def test_foreign_files_are_refused(tmp_path):
    (tmp_path / "letter.txt").touch()
    with pytest.raises(OutputError, match="did not write"):
        outputs.is_finished(str(tmp_path), record())


@pytest.mark.parametrize("text", ["", "{", '{"stage": "search"}'])
def test_a_damaged_record_makes_files_foreign(tmp_path, text):
    write(tmp_path / "output", record())
    (tmp_path / "output" / records.RECORD).write_text(text)
    with pytest.raises(OutputError, match="did not write"):
        outputs.is_finished(str(tmp_path / "output"), record())


def test_an_unwritable_place_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot be written"),
        outputs.writing(str(tmp_path / "file" / "output"), record()),
    ):
        pytest.fail("the block must not begin")
    with pytest.raises(OutputError, match="cannot be written"), outputs.growing(str(tmp_path / "file" / "x"), record()):
        pytest.fail("the block must not begin")


def test_a_growing_directory_in_which_nothing_was_built_is_removed(tmp_path):
    root = tmp_path / "index"

    def begin():
        with outputs.growing(str(root), record(), marks=["tmp/lock"]):
            (root / "tmp").mkdir()
            (root / "tmp" / "lock").touch()
            stop()

    with pytest.raises(RuntimeError, match="stop"):
        begin()
    assert not root.exists()


def test_what_was_built_in_a_growing_directory_outlives_a_failure_and_the_next_run_goes_on(tmp_path):
    root = tmp_path / "index"
    with pytest.raises(RuntimeError, match="stop"):
        grow(root, record(), then=stop)
    assert (root / "shard").exists() and not outputs.is_finished(str(root), record())
    with pytest.raises(InvalidInputError, match="half written"):
        records.fingerprint_of(str(root))
    grow(root, record())
    assert outputs.is_finished(str(root), record()) and sorted(os.listdir(root)) == [records.RECORD, "shard"]


def test_a_growing_directory_that_another_run_finishes_meanwhile_is_no_foreign_one(tmp_path, monkeypatch):
    root, made = tmp_path / "index", record(stage="index")
    read = outputs.read

    def read_and_be_overtaken(path):
        found = read(path)
        outputs.finish(path, made)
        return found

    def look():
        monkeypatch.setattr(outputs, "read", read_and_be_overtaken)
        assert not outputs.is_finished(str(root), made)
        monkeypatch.undo()

    grow(root, made, look)
    assert outputs.is_finished(str(root), made)


def test_a_growing_directory_that_was_there_outlives_a_failure(tmp_path):
    root = tmp_path / "index"
    grow(root, record())
    with pytest.raises(RuntimeError, match="stop"):
        grow(root, record(), then=stop)
    assert (root / "shard").exists()


def test_a_repeated_attempt_leaves_one_whole_file(tmp_path):
    scratch, path = tmp_path / "scratch", tmp_path / "part"
    scratch.mkdir()
    with outputs.attempt(str(path), str(scratch)) as slow:
        Path(slow).write_text("slow")
        with outputs.attempt(str(path), str(scratch)) as fast:
            Path(fast).write_text("fast")
        assert path.read_text() == "fast"
    assert path.read_text() == "slow"
    assert os.listdir(scratch) == []


def test_an_attempt_that_wrote_nothing_leaves_nothing(tmp_path):
    with outputs.attempt(str(tmp_path / "part"), str(tmp_path)):
        pass
    assert os.listdir(tmp_path) == []


def test_an_input_of_ours_is_known_by_its_record(tmp_path):
    made = record()
    write(tmp_path / "output", made)
    assert records.fingerprint_of(str(tmp_path / "output")) == made.fingerprint


def test_an_input_of_others_is_known_by_its_files(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"1")
    before = records.fingerprint_of(str(tmp_path))
    assert records.fingerprint_of(str(tmp_path)) == before
    (tmp_path / "b.parquet").write_bytes(b"2")
    assert records.fingerprint_of(str(tmp_path)) != before


def test_a_missing_input_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"absent does not exist"):
        records.fingerprint_of(str(tmp_path / "absent"))


def test_a_run_that_fails_removes_nothing_that_another_one_has_committed_in_its_place(bucket):
    path, made = f"{bucket}/output", record()

    def fail_late():
        with outputs.writing(path, made, resumes=True):
            with outputs.writing(path, made, resumes=True) as staging:
                files.write_bytes(files.join(staging, "data"), b"hello")
            stop()

    with pytest.raises(RuntimeError, match="stop"):
        fail_late()
    assert outputs.is_finished(path, made) and files.read_bytes(files.join(path, "data")) == b"hello"
