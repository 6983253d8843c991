"""Every run of a job leaves a record of what it did, and metrics; the verb `runs` lists them."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
from small_codes import make

from hashcore.errors import InvalidInputError
from jobs import index, runs, search
from jobs.config.pipeline import Pipeline
from jobs.generations import append, compact, delete, vacuum, verify
from jobs.telemetry import run_notes as recording
from jobs.telemetry.prometheus import metrics
from jobs.telemetry.run_record import listed

LINE = re.compile(r'hashcore_run_\w+\{job="\w+",pipeline="[^"]*"(,stage="[^"]+")?\} [\d.e+]+')


def pipeline(root, **values):
    return Pipeline.model_validate({"name": "a", "root": str(root), **values})


def records(root):
    return sorted((root / "runs").glob("*.run.json"))


def test_what_a_job_did_is_written_down(spark, tmp_path):
    make(tmp_path / "codes" / "database", files=(30, 21))
    index.run(pipeline(tmp_path))
    (path,) = records(tmp_path)
    found = json.loads(path.read_text())
    assert (found["job"], found["state"], found["rows"]) == ("index", "done", 51)
    assert found["bytes"] == sum(f.stat().st_size for f in (tmp_path / "index").rglob("*") if f.is_file())
    assert list(found["inputs"]) == [str(tmp_path / "codes" / "database")]
    assert list(found["outputs"]) == [str(tmp_path / "index")]
    assert found["stages"]["index"] > 0
    assert found["peak_memory_bytes"] > 10 << 20
    assert {"python", "numpy", "pyspark"} <= set(found["versions"])
    assert re.fullmatch("[0-9a-f]{16}", found["fingerprint"])


def test_metrics_lie_beside_it_in_the_text_format(spark, tmp_path):
    make(tmp_path / "codes" / "database", files=(30, 21))
    index.run(pipeline(tmp_path))
    (path,) = (tmp_path / "runs").glob("*.prom")
    lines = path.read_text().splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in samples)
    assert 'hashcore_run_success{job="index",pipeline="a"} 1' in samples
    assert 'hashcore_run_rows{job="index",pipeline="a"} 51' in samples
    named = {re.match(r"\w+", line).group() for line in samples}
    assert named == {line.split()[2] for line in lines if line.startswith("# TYPE")}


def test_a_run_with_nothing_to_do_says_so(spark, tmp_path):
    make(tmp_path / "codes" / "database", files=(30,))
    index.run(pipeline(tmp_path))
    index.run(pipeline(tmp_path))
    assert [run.state for run in listed(str(tmp_path))] == ["done", "nothing to do"]


def test_a_failure_is_recorded_with_its_line_and_raised(tmp_path):
    with pytest.raises(InvalidInputError):
        search.run(pipeline(tmp_path, search={"k": 1}))
    (run,) = listed(str(tmp_path))
    assert (run.job, run.state, run.rows) == ("search", "failed", 0)
    assert str(tmp_path / "index") in run.error and "\n" not in run.error


def test_every_change_of_an_index_is_recorded_with_what_it_did(spark, tmp_path):
    make(tmp_path / "codes" / "database", files=(30, 21))
    make(tmp_path / "more", files=(9,), first_id=1_000)
    given = pipeline(
        tmp_path,
        append={"codes": str(tmp_path / "more")},
        delete={"ids": [101, 102, 5_000]},
        vacuum={"keep": 1, "older_than_h": 0},
        index={"rows_per_shard": 30},
    )
    for job in (index, append, delete, compact, vacuum, verify):
        job.run(given)
    found = {run.job: run for run in listed(str(tmp_path))}
    assert {job: run.state for job, run in found.items()} == dict.fromkeys(found, "done") and len(found) == 6
    made = [found[job].outputs for job in ("append", "delete", "compact")]
    assert made == [{str(tmp_path / "index"): f"generation {number}"} for number in (2, 3, 4)]
    rows = {"index": 51, "append": 9, "delete": 2, "compact": 58, "vacuum": 0, "verify": 58}
    assert {job: run.rows for job, run in found.items()} == rows
    assert all(found[job].bytes > 0 for job in ("append", "delete", "compact"))
    assert found["delete"].counts == {"absent_ids": 1}
    assert found["vacuum"].counts["removed_generations"] == 3 and found["vacuum"].counts["removed_bytes"] > 0
    shards = sum(file.stat().st_size for file in (tmp_path / "index" / "shards").iterdir())
    assert found["verify"].counts["verified_bytes"] == shards
    text = (tmp_path / "runs" / "delete.prom").read_text()
    assert 'hashcore_run_count{job="delete",pipeline="a",of="absent_ids"} 1' in text


@pytest.mark.parametrize("job", [append, delete, compact, vacuum])
def test_a_change_that_changes_nothing_says_so(spark, tmp_path, job):
    make(tmp_path / "codes" / "database", files=(30, 21))
    make(tmp_path / "more", files=(9,), first_id=1_000)
    given = pipeline(tmp_path, append={"codes": str(tmp_path / "more")}, delete={"ids": [109]}, vacuum={"keep": 1})
    index.run(given)
    for _ in range(2):
        job.run(given)
    assert listed(str(tmp_path))[-1].state == "nothing to do"


def test_a_killed_run_takes_the_place_of_the_success_before_it(tmp_path):
    def job(given):
        if given.name == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        recording.worked()

    job.__module__ = "jobs.encode"
    recording.recorded(job)(pipeline(tmp_path))
    text = (tmp_path / "runs" / "encode.prom").read_text()
    succeeded = re.search(r"last_success_timestamp_seconds{.*} (\S+)", text).group(1)
    assert "hashcore_run_success{" in text and float(succeeded) > 1.7e9
    if (child := os.fork()) == 0:
        recording.recorded(job)(pipeline(tmp_path, name="killed"))
    os.waitpid(child, 0)
    after = (tmp_path / "runs" / "encode.prom").read_text()
    assert 'hashcore_run_success{job="encode",pipeline="killed"} 0' in after
    assert 'hashcore_run_ended{job="encode",pipeline="killed"} 0' in after
    assert f'last_success_timestamp_seconds{{job="encode",pipeline="killed"}} {succeeded}' in after


def test_a_killed_run_is_seen_by_what_it_left_at_its_start(tmp_path):
    def killed(given):
        raise SystemExit  # ends without a record, as a kill does

    killed.__module__ = "jobs.encode"
    with pytest.raises(SystemExit):
        recording.recorded(killed)(pipeline(tmp_path))
    for path in records(tmp_path):
        path.unlink()
    (run,) = listed(str(tmp_path))
    assert (run.job, run.state) == ("encode", "begun")


def test_stages_of_one_name_add_up_and_counts_too(tmp_path):
    def job(given):
        for _ in range(2):
            with recording.stage("read"):
                recording.count(rows=3, rejected=1)
        recording.peak(1 << 50)

    job.__module__ = "jobs.encode"
    recording.recorded(job)(pipeline(tmp_path))
    (run,) = listed(str(tmp_path))
    assert (run.rows, run.rejected, list(run.stages), run.peak_memory_bytes) == (6, 2, ["read"], 1 << 50)
    assert 'stage="read"' in metrics(run)


def test_the_verb_lists_them_oldest_first(spark, tmp_path, capsys):
    make(tmp_path / "codes" / "database", files=(30,))
    index.run(pipeline(tmp_path))
    with pytest.raises(InvalidInputError):
        search.run(pipeline(tmp_path))
    capsys.readouterr()
    runs.run(pipeline(tmp_path))
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split()[:3] == ["started", "job", "state"]
    assert [line.split()[2] for line in shown[1:3]] == ["index", "search"]
    assert "failed" in shown[2] and "codes.json is missing" in shown[3]
    assert shown[-1] == f"2 runs -> {tmp_path}/runs"


def test_a_failure_that_was_mended_is_listed_and_no_longer_explained(spark, tmp_path, capsys):
    with pytest.raises(InvalidInputError):
        index.run(pipeline(tmp_path))
    with pytest.raises(InvalidInputError):
        search.run(pipeline(tmp_path))
    make(tmp_path / "codes" / "database", files=(30,))
    index.run(pipeline(tmp_path))
    capsys.readouterr()
    runs.run(pipeline(tmp_path))
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[2:4] for line in shown[1:4]] == [["index", "failed"], ["search", "failed"], ["index", "done"]]
    assert len(shown) == 6 and " search: " in shown[4]


def test_a_pipeline_that_never_ran_has_none(tmp_path, capsys):
    runs.run(pipeline(tmp_path))
    assert capsys.readouterr().out == f"no run yet below {tmp_path}\n"


def test_a_record_that_cannot_be_written_is_no_reason_to_fail(tmp_path, caplog):
    (tmp_path / "file").touch()

    def job(given):
        return 7

    job.__module__ = "jobs.encode"
    assert recording.recorded(job)(pipeline(tmp_path / "file")) == 7
    assert "cannot be written" in caplog.text
