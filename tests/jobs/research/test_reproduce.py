"""Rows of papers: run from data to line, or entered as not run; and the table holds every row there is."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import yaml

from hashcore.errors import ConfigError
from jobs import cli
from jobs.research import reproduce
from jobs.research.papers import row as rows
from jobs.research.papers import table

CONFIGURED = rows.files(Path("conf/papers"))
ROW = {
    "paper": "mmnn",
    "table": "Table 6",
    "row": "CM-SSH",
    "data": {"source": "wiki", "views": ["image", "text"], "split": {"name": "standard"}},
    "learn": {"method": "cm-ssh"},
    "figures": [
        {"queries": "image", "database": "text", "paper": {8: 0.2, 16: 0.3}},
        {"queries": "text", "database": "text", "measure": "distinct codes", "paper": {16: 12.0}},
    ],
}
ONE_VIEW = {"data": {**ROW["data"], "views": ["text"]}, "figures": [{"paper": {8: 0.25}}]}


@pytest.fixture
def wiki(tmp_path, monkeypatch):
    """A small set in the shape of Wiki: two views of 120 items of 3 classes, of which 30 are queries."""
    generator = np.random.default_rng(0)
    labels = generator.integers(1, 4, 120)
    (tmp_path / "wiki").mkdir()
    np.savez(
        tmp_path / "wiki" / "wiki.npz",
        image_bow=3 * np.eye(3)[labels - 1] @ generator.standard_normal((3, 16)) + generator.standard_normal((120, 16)),
        text_lda=5 * np.eye(3)[labels - 1] @ generator.standard_normal((3, 10)) + generator.standard_normal((120, 10)),
        labels=labels,
        is_test=np.arange(120) >= 90,
    )
    monkeypatch.setenv("HASHCORE_DATA", str(tmp_path))
    return tmp_path


def page(folder):
    path = folder / "PAPERS.md"
    path.write_text("\n".join(table.heading()) + "\n")
    return path


def write(folder, **values):
    path = folder / "row.yaml"
    path.write_text(yaml.safe_dump({**ROW, **values}))
    return str(path)


def run(folder, place, hashers=None, device="cpu", **values):
    given = {"table": place, "root": str(folder / "root"), "overrides": [], "threads": 1}
    reproduce.run(Namespace(config=[write(folder, **values)], hashers=hashers, device=device, **given))
    return table.read(place)


def test_a_row_becomes_a_line_for_each_figure(wiki):
    first, second = run(wiki, page(wiki))
    assert (first.paper, first.row, first.data, first.bits) == (
        "mmnn, Table 6",
        "CM-SSH",
        "wiki, image → text",
        "8 / 16",
    )
    assert first.papers == "0.2000 / 0.3000"
    assert all(0.4 < float(value) <= 1 for value in first.ours.split(" / "))
    assert first.protocol.startswith("30 test queries; database and learned from: 90 training items; complete ranking")
    assert (second.measure, second.bits, second.papers) == ("distinct codes", "16", "12")
    assert second.ours.isdigit()
    assert first.seed == "0" and first.machine.endswith("cores")


def test_a_row_that_is_not_run_says_so_and_why(wiki):
    first, _ = run(wiki, page(wiki), not_run="Needs a GPU", remark="Large.")
    assert (first.ours, first.remark, first.minutes, first.machine) == ("not run", "Needs a GPU. Large.", "", "")


@pytest.mark.parametrize(
    ("learn", "least"),
    [
        ({"method": "raw"}, 0.5),
        ({"method": "itq-cca"}, 0.6),
        ({"method": "network", "network": {"name": "linear"}, "epochs": 2, "batch_size": 30}, 0.4),
    ],
)
def test_one_view_is_learned_from_by_every_kind_of_method(wiki, learn, least):
    (line,) = run(wiki, page(wiki), learn=learn, **ONE_VIEW)
    assert least < float(line.ours) <= 1
    assert line.data == "wiki, text"


def test_projections_of_cca_are_ranked_by_their_distance(wiki):
    figure = {"queries": "image", "database": "text", "paper": {8: 0.2}}
    (line,) = run(wiki, page(wiki), learn={"method": "cca"}, figures=[figure])
    assert 0.4 < float(line.ours) <= 1
    assert line.protocol.endswith("complete ranking")


def test_keys_of_one_code_length_replace_those_of_all():
    row = rows.Row.model_validate({**ROW, "learn": {"seed": 3}, "by_bits": {16: {"epochs": 7}}})
    assert (row.learning(8).epochs, row.learning(16).epochs) == (20, 7)
    assert (row.learning(16).code_length, row.learning(16).seed) == (16, 3)
    with pytest.raises(ConfigError, match=r"by_bits\.16"):
        rows.Row.model_validate({**ROW, "by_bits": {16: {"epochs": 0}}}).learning(16)


def test_what_is_no_row_is_refused_in_one_line(wiki, capsys):
    figures = [{"measure": "mAPP", "paper": {8: 0.1}}]
    assert cli.main(["reproduce", "--config", write(wiki, figures=figures), "--table", str(page(wiki))]) == 2
    assert "measure 'mAPP' is unknown" in capsys.readouterr().err
    assert cli.main(["reproduce", "--config", write(wiki, method="itq"), "--table", str(page(wiki))]) == 2
    assert "row.yaml: method: Extra inputs are not permitted" in capsys.readouterr().err
    figures = [{"queries": "sound", "database": "text", "paper": {8: 0.1}}]
    assert cli.main(["reproduce", "--config", write(wiki, figures=figures), "--table", str(page(wiki))]) == 2
    assert "figures: view sound is none of data.views, image, text" in capsys.readouterr().err
    sound = {**ROW["data"], "views": ["sound"]}
    assert (
        cli.main(
            ["reproduce", "--config", write(wiki, data=sound, figures=ONE_VIEW["figures"]), "--table", str(page(wiki))]
        )
        == 2
    )
    assert "wiki has image and text, not sound" in capsys.readouterr().err


def test_there_are_rows():
    assert len(CONFIGURED) > 10


@pytest.mark.parametrize("path", CONFIGURED, ids=lambda path: path.stem)
def test_every_row_stands_in_the_table_with_the_papers_figures(path):
    row = rows.load(str(path))
    assert path.stem.startswith(f"{row.paper}-{row.data.source}")
    for bits in row.lengths():
        assert row.learn.method == "raw" or row.learning(bits).code_length >= bits
    known = {line[: table.KEY]: line for line in table.read(reproduce.TABLE)}
    for wanted in reproduce.lines_not_run(row):
        found = known[wanted[: table.KEY]]
        assert found.papers == wanted.papers
        assert (found.ours == table.NOT_RUN) == (row.not_run is not None)
        assert found.remark == wanted.remark.removeprefix("None. ") if row.not_run else found.remark == row.remark
