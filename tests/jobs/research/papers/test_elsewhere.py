"""Networks of rows trained before, or on another machine: packed, trained, taken back, refused where they differ."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from jobs import cli
from jobs.research.papers import elsewhere, table

ROW = {
    "paper": "mmnn",
    "table": "Table 6",
    "row": "NN",
    "data": {"source": "wiki", "views": ["text"], "split": {"name": "standard"}},
    "learn": {"network": {"name": "linear"}, "epochs": 2, "batch_size": 30},
    "figures": [{"paper": {8: 0.25, 16: 0.3}}],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small set in the shape of Wiki, a row of it, and a page for its line."""
    generator = np.random.default_rng(0)
    labels = generator.integers(1, 4, 120)
    texts = 5 * np.eye(3)[labels - 1] @ generator.standard_normal((3, 10)) + generator.standard_normal((120, 10))
    (tmp_path / "wiki").mkdir()
    np.savez(tmp_path / "wiki" / "wiki.npz", text_lda=texts, labels=labels, is_test=np.arange(120) >= 90)
    (tmp_path / "PAPERS.md").write_text("\n".join(table.heading()) + "\n")
    (tmp_path / "row.yaml").write_text(yaml.safe_dump(ROW))
    monkeypatch.setenv("HASHCORE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reproduced(*options):
    """Return the line of the row."""
    assert cli.main(["reproduce", "--config", "row.yaml", "--table", "PAPERS.md", *options]) == 0
    (line,) = table.read(Path("PAPERS.md"))
    return line


def test_a_network_trained_elsewhere_gives_the_figures_of_one_trained_here(folder):
    here = reproduced()
    assert elsewhere.main(["pack", "items.npz", "--config", "row.yaml"]) == 0
    (folder / "wiki" / "wiki.npz").rename(folder / "away.npz")
    assert elsewhere.main(["train", "items.npz", "hashers", "--only", "row-16"]) == 0
    assert elsewhere.main(["train", "items.npz", "hashers"]) == 0
    (folder / "away.npz").rename(folder / "wiki" / "wiki.npz")
    assert sorted(path.name for path in (folder / "hashers").iterdir()) == ["row-16", "row-8"]
    taken = reproduced("--hashers", "hashers")
    assert taken._replace(minutes="") == here._replace(minutes="")


def test_a_recipe_is_judged_by_training_items_that_are_held_out(folder, capsys):
    assert elsewhere.main(["pack", "items.npz", "--config", "row.yaml", "--set", "learn.validation_share=0.3"]) == 0
    assert elsewhere.main(["train", "items.npz", "hashers", "--only", "row-8"]) == 0
    told = capsys.readouterr().out
    assert re.fullmatch(r"row-8: \d+ s on cpu, loss \S+, \d+\.\d\d% of triplets held out ranked wrongly\n", told)


def test_training_elsewhere_needs_no_native_module(folder):
    assert elsewhere.main(["pack", "items.npz", "--config", "row.yaml"]) == 0
    program = (
        "import sys; sys.modules['hashcore._kernels'] = None; from jobs.research.papers import elsewhere;"
        "sys.exit(elsewhere.main(['train', 'items.npz', 'hashers', '--only', 'row-8']))"
    )
    place = {"PYTHONPATH": str(Path(elsewhere.__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("row-8: ")
    assert (folder / "hashers" / "row-8" / "weights.safetensors").exists()


def test_a_network_that_is_kept_is_not_trained_again_and_its_time_and_device_are_told(folder, monkeypatch):
    first = reproduced("--hashers", "hashers")
    for bits, name in ((8, "NVIDIA H200"), (16, "cpu")):
        path = folder / "hashers" / f"row-{bits}" / "hasher.json"
        content = json.loads(path.read_text())
        content["provenance"]["history"][0]["seconds"] = 600.0
        content["provenance"]["device"] = name
        path.write_text(json.dumps(content))
    monkeypatch.setattr("jobs.research.papers.learn.learn", None)
    again = reproduced("--hashers", "hashers")
    assert again.ours == first.ours
    assert 20 <= float(again.minutes) < 25
    assert again.machine == f"NVIDIA H200, {first.machine}"


def test_a_network_of_another_training_is_not_taken_for_a_rows_own(folder, capsys):
    reproduced("--hashers", "hashers")
    options = ["--table", "PAPERS.md", "--hashers", "hashers", "--set", "learn.epochs=3"]
    assert cli.main(["reproduce", "--config", "row.yaml", *options]) == 2
    told = capsys.readouterr().err
    assert "row-8 holds a hasher of another training, with a different epochs; remove it" in told
    assert told.count("\n") == 1


def test_a_device_that_is_not_there_is_told_before_data_is_read(folder, capsys):
    (folder / "wiki" / "wiki.npz").unlink()
    options = ["--table", "PAPERS.md", "--device", "cuda:99"]
    assert cli.main(["reproduce", "--config", "row.yaml", *options]) == 2
    assert capsys.readouterr().err.startswith("hashcore reproduce: device=cuda:99: torch")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["pack", "a.npz", "--config", "row.yaml", "--set", "learn={method: itq}"],
            "learn.method=itq trains no network",
        ),
        (["pack", "no/a.npz", "--config", "row.yaml"], "no/a.npz cannot be written"),
        (["pack", "a.npz", "--config", "row.yaml", "other.yaml"], "the rows learn from different items"),
        (["train", "a.npz", "hashers"], "a.npz cannot be read"),
        (["train", "row.yaml", "hashers"], "row.yaml cannot be read"),
        (["train", "items.npz", "hashers", "--only", "row-9"], "--only row-9: items.npz holds row-8, row-16"),
        (["train", "items.npz", "hashers", "--device", "cuda:99"], "device=cuda:99: torch"),
    ],
)
def test_what_cannot_be_packed_or_trained_is_refused_in_one_line(folder, capsys, words, message):
    other = {**ROW, "data": {**ROW["data"], "unit_length": False}}
    (folder / "other.yaml").write_text(yaml.safe_dump(other))
    assert elsewhere.main(["pack", "items.npz", "--config", "row.yaml"]) == 0
    assert elsewhere.main(words) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
