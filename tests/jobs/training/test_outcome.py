"""What was learned: told, recorded, and refused where the hasher has collapsed."""

from __future__ import annotations

import re
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from training_corpus import ROWS, columns, features, pipeline, write

from hashcore.errors import LearningError
from hashcore.hasher import Hasher
from jobs import train
from jobs.telemetry.run_record import listed
from jobs.training import outcome
from jobs.training.source import find

POSITIVE = """
from math import prod
from torch import nn
def make(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs), nn.Softplus())
"""


@pytest.fixture
def positive(tmp_path, monkeypatch):
    """A network all of whose bits are 1, whatever it learns."""
    (tmp_path / "positive_nets.py").write_text(POSITIVE)
    monkeypatch.syspath_prepend(tmp_path)
    yield {"network": {"name": "own", "path": "positive_nets:make"}}
    sys.modules.pop("positive_nets", None)


def test_a_collapsed_hasher_is_refused_and_put_aside_and_leaves_the_place_to_another_try(root, positive, capsys):
    with pytest.raises(LearningError) as caught:
        train.run(pipeline(root, **positive))
    said = str(caught.value)
    assert "the hasher has collapsed: 1 distinct codes of 200 distinct items, 16 of 16 bits constant, a similar" in said
    assert "\n" not in said and said.endswith(f"--set paths.hasher={root}/hasher.refused")
    assert not (root / "hasher").exists() and not (root / "checkpoints").exists()
    aside = Hasher.load(str(root / "hasher.refused"), allow=("positive_nets",))
    assert len(np.unique(aside.encode(features(), "features"))) == 1
    (run,) = listed(str(root))
    assert run.state == "failed" and run.figures["constant_bits"] == 16 and run.figures["distinct_codes"] == 1
    train.run(pipeline(root))
    assert Hasher.load(str(root / "hasher")).code_length == 16
    assert not (root / "hasher.refused").exists()


def test_what_was_learned_is_said_in_the_line_and_in_the_record_of_the_run(root, capsys):
    train.run(pipeline(root, validation_share=0.2))
    assert re.search(
        r"of triplets ranked wrongly, [\d.]+% of those held out, \d+ distinct codes of 200 distinct items, "
        r"\d+ of 16 bits constant, a similar item nearer in \d+\.\d% of comparisons \(chance: 50 %\) -> ",
        capsys.readouterr().out,
    )
    (run,) = listed(str(root))
    history = Hasher.load(str(root / "hasher")).provenance["history"][-1]
    assert run.figures["violating"] == history["violating"]
    assert run.figures["validation_violating"] == history["validation_violating"]
    assert run.figures["items"] == run.figures["distinct_items"] == 200
    assert run.figures["ordered"] > 0.9


def test_a_hasher_that_has_learned_little_is_told_with_what_to_try(root, caplog):
    noise = np.random.default_rng(5).standard_normal((ROWS, 5)).astype(np.float32)
    for file in (root / "corpus" / "train").iterdir():
        file.unlink()
    pq.write_table(pa.table(columns(features=noise.tolist())), root / "corpus" / "train" / "0.parquet")
    train.run(pipeline(root, epochs=1))
    (said,) = [record.getMessage() for record in caplog.records if record.name == "jobs.training.outcome"]
    assert re.search(r"the hasher has learned little: \d+% of triplets are ranked wrongly.*adamw", said)


def test_steps_that_were_too_large_leave_the_place_to_the_smaller_ones_of_the_hint(root):
    huge = {"name": "sgd", "learning_rate": 1e30}
    with pytest.raises(LearningError) as caught:
        train.run(pipeline(root, optimizer=huge))
    hint = re.search(r"--set 'train\.optimizer=({[^}]*})', or try", str(caught.value)).group(1)
    smaller = yaml.safe_load(hint)
    assert smaller["name"] == "sgd" and float(smaller["learning_rate"]) == 2.5e29
    with pytest.raises(LearningError, match=r"learning_rate: 6\.25e\+28"):
        train.run(pipeline(root, optimizer=smaller))
    train.run(pipeline(root, optimizer={"name": "adamw"}))
    assert (root / "hasher").exists()


def test_rows_that_are_looked_at_are_spread_over_files_and_groups(tmp_path):
    write(tmp_path, columns(labels=[[row // 50] for row in range(ROWS)]), files=5)
    for part in (tmp_path / "corpus" / "train").iterdir():
        pq.write_table(pq.read_table(part), part, row_group_size=7)
    source = find(pipeline(tmp_path))
    every = np.concatenate([rows.column("id") for rows in outcome.spread(source, rows=30)])
    assert len(every) == len(set(every.tolist())) and 30 <= len(every) <= 40
    assert {int(id_) // 50 for id_ in every} == {0, 1, 2, 3}
    assert {int(rows.column("id")[0].as_py()) // 40 for rows in outcome.spread(source, rows=30, pieces=2)} == {0, 4}
