"""The place of a training where it is not said: this process with one worker, Ray where something asks for it."""

from __future__ import annotations

import pytest
from training_corpus import columns, pipeline, write

from hashcore.errors import ConfigError
from hashcore.hasher import Hasher
from jobs import train
from jobs.engine import memory
from jobs.training import where


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    """As in a process that no other test has started Ray in."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delitem(where.sys.modules, "ray", raising=False)


@pytest.mark.parametrize(
    ("values", "address", "why"),
    [
        ({"in_process": None}, None, ""),
        ({"in_process": None, "workers": 2}, None, "train.workers=2"),
        ({"in_process": None}, "head:6379", "RAY_ADDRESS=head:6379"),
        ({"in_process": False}, None, "train.in_process=false"),
        ({"in_process": True, "workers": 2}, "head:6379", ""),
    ],
)
def test_ray_trains_where_several_workers_an_address_or_the_configuration_ask_for_it(
    tmp_path, monkeypatch, values, address, why
):
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    asked = pipeline(tmp_path, **values)
    assert where.why_ray(asked) == why
    assert where.settled(asked).train.in_process is not bool(why)


def test_a_training_without_a_word_about_ray_is_the_one_in_this_process(tmp_path, capsys):
    fingerprints = []
    for name, in_process in (("said", True), ("unsaid", None)):
        write(tmp_path / name, columns())
        made = pipeline(tmp_path / name, in_process=in_process)
        train.run(made)
        fingerprints.append(Hasher.load(made.paths.hasher).fingerprint)
        assert capsys.readouterr().out.splitlines()[0] == (
            "train: in this process (train.in_process=true)"
            if in_process
            else "train: in this process (200 rows, one worker; --set train.in_process=false for Ray)"
        )
    assert fingerprints[0] == fingerprints[1]
    train.run(pipeline(tmp_path / "unsaid", in_process=True))
    assert "train: done before" in capsys.readouterr().out


def test_rows_that_do_not_fit_this_process_are_refused_with_what_to_do(tmp_path, monkeypatch):
    write(tmp_path, columns())
    monkeypatch.setattr(memory, "WITH_TORCH_BYTES", 1 << 50)
    with pytest.raises(ConfigError, match=r"^train: a task is projected to take .* --set train\.in_process=false"):
        train.run(pipeline(tmp_path, in_process=None))
