"""The demo: every stage by its own job, figures at the end, and nothing done twice."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from jobs import cli
from jobs.config.paths import Paths
from jobs.config.pipeline import Pipeline
from jobs.evaluation import metrics
from jobs.stages import records

CONF = Path(__file__).parents[2] / "conf" / "demo.yaml"


def run(root, *overrides):
    """Run the demo with a short training."""
    values = [f"root={root}", "train.in_process=true", "train.epochs=8", "train.code_length=32", *overrides]
    return cli.main(["demo", "--config", str(CONF), *(word for value in values for word in ("--set", value))])


@pytest.fixture(scope="module")
def done(spark, tmp_path_factory):
    """A finished demo: its root and what it printed."""
    root, printed = tmp_path_factory.mktemp("demo"), io.StringIO()
    with redirect_stdout(printed):
        assert run(root) == 0
    return root, printed.getvalue()


def files(root):
    """The outputs, and when each was written; the records of runs are no outputs."""
    every = (path for path in root.rglob("*") if path.is_file() and root / "runs" not in path.parents)
    return {path: path.stat().st_mtime_ns for path in every}


def test_the_demo_goes_from_images_to_figures_and_a_page(done):
    root, printed = done
    assert "done before" not in printed
    assert re.search(r"^mAP: 0\.\d{4} \(0\.\d{4} to 0\.\d{4} by the order of ties\)$", printed, re.MULTILINE)
    assert re.search(r"^P\(r<=2\): 0\.\d{4}$", printed, re.MULTILINE)
    assert re.search(r"^kNN error@1: 0\.\d{4}$", printed, re.MULTILINE)
    assert f"report: {root}/report.html" in printed
    assert (root / "report.html").stat().st_size > 100_000
    assert metrics.read(str(root / "metrics.json")).figures["mAP"].value > 0.7


def test_every_output_has_its_configuration_beside_it(done):
    root, _ = done
    for path in Paths.below(str(root)).values():
        assert Pipeline.model_validate(records.read(path).pipeline).name == "demo"


def test_a_finished_demo_is_recognised_and_nothing_is_written(done, capsys):
    root, _ = done
    before = files(root)
    assert run(root) == 0
    assert capsys.readouterr().out.count("done before") >= 5
    assert files(root) == before


def test_a_changed_stage_refuses_the_old_output(done, capsys):
    root, _ = done
    before = files(root)
    assert run(root, "search.k=3") == cli.EXIT_ERROR
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"hashcore demo: {root}/neighbors holds the output of another pipeline")
    assert "search.k" in error
    assert files(root) == before
