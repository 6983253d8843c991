"""The command line: every verb, its errors in one line, and the same through spark-submit."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from hashcore.errors import HashcoreError
from jobs import cli
from jobs.machine import doctor


def test_every_verb_has_a_module_that_runs():
    for name, verb in cli.VERBS.items():
        assert callable(import_module(f"{verb.package}.{verb.module or name}").run)


def test_an_error_is_one_line_and_exit_code_2(capsys):
    assert cli.main(["encode", "--config", "nowhere.yaml"]) == cli.EXIT_ERROR
    captured = capsys.readouterr()
    assert captured.err.startswith("hashcore encode: nowhere.yaml cannot be read")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_lines_of_an_error_are_joined(capsys, monkeypatch, tmp_path):
    def fail(pipeline):
        raise HashcoreError("first\n  second")

    (tmp_path / "a.yaml").write_text("name: a")
    monkeypatch.setattr("jobs.search.run", fail)
    assert cli.main(["search", "--config", str(tmp_path / "a.yaml")]) == cli.EXIT_ERROR
    assert capsys.readouterr().err == "hashcore search: first second\n"


def test_an_interruption_says_how_to_go_on(capsys, monkeypatch, tmp_path):
    def interrupt(pipeline):
        raise KeyboardInterrupt

    (tmp_path / "a.yaml").write_text("name: a")
    monkeypatch.setattr("jobs.search.run", interrupt)
    assert cli.main(["search", "--config", str(tmp_path / "a.yaml")]) == cli.EXIT_INTERRUPTED
    assert "the same command" in capsys.readouterr().err


def test_the_chosen_job_gets_the_resolved_pipeline(monkeypatch, tmp_path):
    given = []
    (tmp_path / "a.yaml").write_text("name: a\nsearch: {k: 3}")
    monkeypatch.setattr("jobs.search.run", given.append)
    assert cli.main(["search", "--config", str(tmp_path / "a.yaml"), "--set", "search.k=4", "--set", "name=b"]) == 0
    assert [(pipeline.name, pipeline.search.k) for pipeline in given] == [("b", 4)]


@pytest.mark.parametrize("arguments", [[], ["dance"], ["encode"]])
def test_a_wrong_command_shows_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == cli.EXIT_ERROR
    assert "usage: hashcore" in capsys.readouterr().err


def test_the_command_line_loads_nothing_heavy():
    heavy = {"torch", "ray", "pyspark", "matplotlib"}
    code = f"import sys, jobs.cli, jobs.config.pipeline; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_doctor_shows_kernels_java_and_parts(capsys):
    assert cli.main(["doctor"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {"machine", "cores", "memory", "disk", "kernels", "python", "java", "compiler", "hashcore"} <= set(shown)
    assert "portable" in shown["kernels"]


@pytest.mark.parametrize(
    ("count", "driver", "said"),
    [
        (2, True, "2 × NVIDIA H200; train.gpu and encode.gpus use them"),
        (0, True, "reaches none, though an NVIDIA driver is here; install a torch built for CUDA"),
        (0, False, "none; networks are trained and run on the cores"),
    ],
)
def test_doctor_says_which_gpus_there_are_and_why_one_cannot_be_used(monkeypatch, count, driver, said):
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda number: "NVIDIA H200")
    found = {"nvidia-smi": "/usr/bin/nvidia-smi"} if driver else {}
    monkeypatch.setattr("shutil.which", found.get)
    assert doctor.machine()["gpu"].endswith(said)


def test_doctor_says_whether_a_root_keeps_writers_apart(bucket, tmp_path, capsys, monkeypatch):
    for root in (str(tmp_path), bucket):
        assert cli.main(["doctor", "--root", root]) == 0
        assert f"{root} keeps writers apart" in capsys.readouterr().out


@pytest.mark.parametrize("root", ["s3://no-such-bucket-here", "{}/file/index"])
def test_doctor_ends_with_an_error_where_a_root_can_hold_no_index(bucket, root, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main(["doctor", "--root", root.format(tmp_path)]) == cli.EXIT_ERROR
    captured = capsys.readouterr()
    assert "kernels" in captured.out
    assert captured.err.startswith("hashcore doctor: ") and root.format(tmp_path) in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["index", "search", "evaluate", "verify", "delete"])
def test_a_verb_on_a_bucket_that_is_not_there_says_so_in_one_line_before_java_starts(bucket, verb, tmp_path, capsys):
    config = tmp_path / "a.yaml"
    config.write_text("name: a\nroot: s3://no-such-bucket-here/a\ndelete: {ids: [1]}\nsearch: {k: 1}\n")
    assert cli.main([verb, "--config", str(config)]) == cli.EXIT_ERROR
    captured = capsys.readouterr()
    assert "NoSuchBucket" in captured.err and captured.err.count("\n") == 1


def test_a_reader_that_leaves_ends_a_verb_without_a_trace():
    words = [sys.executable, "-m", "jobs.cli", "doctor"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        child.stdout.close()
        assert child.stderr.read() == ""
    assert child.returncode == cli.EXIT_READER_LEFT


def test_an_error_on_the_way_out_of_an_interruption_is_an_interruption(capsys, monkeypatch, tmp_path):
    def interrupt(pipeline):
        try:
            raise KeyboardInterrupt
        finally:
            raise OSError("Answer from Java side is empty")

    (tmp_path / "a.yaml").write_text("name: a")
    monkeypatch.setattr("jobs.search.run", interrupt)
    assert cli.main(["search", "--config", str(tmp_path / "a.yaml")]) == cli.EXIT_INTERRUPTED
    assert capsys.readouterr().err.count("\n") == 1
