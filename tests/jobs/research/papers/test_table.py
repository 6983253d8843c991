"""Our table: lines are written over by their first cells, and everything around them stays."""

from __future__ import annotations

import pytest

from hashcore.errors import InvalidInputError
from jobs.research.papers.table import Line, heading, parse, read, update


def line(row="ITQ", ours="0.2", **cells):
    given = dict.fromkeys(Line._fields, "x") | {"row": row, "ours": ours, "remark": ""} | cells
    return Line(**given)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "PAPERS.md"
    path.write_text("\n".join(["# Title", "", *heading(), "", "After."]) + "\n")
    return path


def test_a_line_is_read_as_it_was_written():
    for each in (line(), line(remark="falls short: a | b", machine="2 cores")):
        assert parse(each.render()) == Line(*(cell.replace("|", "/") for cell in each))
    assert parse(heading()[1]) is None


def test_lines_are_added_in_order_and_written_over_by_their_names(page):
    update(page, [line("SH"), line("ITQ")])
    update(page, [line("ITQ", ours="0.3"), line("LSH")])
    assert [(each.row, each.ours) for each in read(page)] == [("ITQ", "0.3"), ("LSH", "0.2"), ("SH", "0.2")]
    text = page.read_text()
    assert text.startswith("# Title\n\n| paper |") and text.endswith("|\n\nAfter.\n")


def test_a_page_without_the_table_is_refused(tmp_path):
    (tmp_path / "other.md").write_text("| a | b |\n")
    with pytest.raises(InvalidInputError, match="holds no table of papers' figures"):
        update(tmp_path / "other.md", [line()])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read(tmp_path / "none.md")
