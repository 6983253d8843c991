"""The README is true: its commands and verbs are those there are, its code runs, its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import cli
from jobs.config.pipeline import load

HERE = Path(__file__).resolve().parents[2]
README = (HERE / "README.md").read_text(encoding="utf-8")


def test_its_python_runs_and_the_shapes_in_its_comments_are_right():
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["packed"].shape == (100_000, 8)
    nearest, within = names["nearest"], names["within"]
    assert nearest.ids.reshape(3, 10).dtype == "int64" and nearest.distances.reshape(3, 10).dtype == "uint16"
    assert [within.of(i)[0][0] for i in range(3)] == [0, 1, 2]
    assert within.distances.max() <= 20


def test_its_lines_for_your_own_embeddings_run(spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).standard_normal((300, 40)).astype(np.float32)
    pq.write_table(pa.table({"id": range(300), "features": values.tolist()}), "mine.parquet")
    (settings,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    Path("mine.yaml").write_text(settings)
    words = [line.partition("#")[0].split()[1:] for line in re.findall(r"^hashcore .*", README, re.MULTILINE)]
    assert [its[0] for its in words] == ["train", "encode", "index", "search"]
    for its in words:
        assert cli.main(its) == 0, (its, capsys.readouterr().err)
    found = pq.read_table("runs/mine/neighbors").to_pandas()
    assert len(found) == 300 * 10
    assert set(found[(found.query_id == found.id) & (found.distance == 0)].id) == set(range(300))


def test_every_verb_of_the_command_line_is_explained_and_no_other():
    explained = set(re.findall(r"\| `hashcore (\w+)", README))
    assert explained == set(cli.VERBS)


def test_its_make_targets_exist():
    targets = set(re.findall(r"^(\w+):", (HERE / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_its_configurations_load():
    for name in set(re.findall(r"conf/[\w./-]+\.yaml", README)):
        assert load(str(HERE / name), []).name


def test_its_links_lead_to_files():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (HERE / link.partition("#")[0]).exists(), link


@pytest.mark.ray
def test_its_first_command_ends_with_a_page_and_good_figures(tmp_path):
    command = [sys.executable, "-m", "jobs.cli", "demo", "--config", "conf/demo.yaml", "--set", f"root={tmp_path}"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    (mean_average_precision,) = re.findall(r"^mAP: ([\d.]+) ", done.stdout, re.MULTILINE)
    assert float(mean_average_precision) >= 0.90
    assert {"P(r<=2)", "kNN error"} <= {name for name in ("P(r<=2)", "kNN error") if name in done.stdout}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert str(tmp_path / "report.html") in done.stdout
    assert "<svg" in page and 'src="http' not in page
