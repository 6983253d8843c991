"""A corpus's format is told by the names of its files, or it is asked for; it decides nothing that Parquet had not."""

from __future__ import annotations

import pytest

from hashcore.errors import InvalidInputError
from jobs.corpora.formats import by_name


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a.parquet", "_SUCCESS", ".a.parquet.crc", "_hashcore.json"], "parquet"),
        (["part-0000", "part-0001"], "parquet"),
        ([], "parquet"),
        (["x.npy", "x.parquet"], "npy"),
        (["img_emb/0.npy", "metadata/0.parquet"], "npy"),
        (["cat/a.JPG", "notes.txt"], "images"),
        (["_DSC1.jpg"], "images"),
        (["0.tar", "0.parquet", "0_stats.json"], "webdataset"),
        (["0.tar.gz", "1.tgz"], "webdataset"),
        (["a.jsonl", "b.json.gz"], "json"),
        (["a.csv", "b.tsv"], "csv"),
        (["a.orc"], "orc"),
    ],
)
def test_the_format_is_told_by_the_names_of_files(tmp_path, names, wanted):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert by_name.found(str(tmp_path)) == wanted
    if len(names) == 1:
        assert by_name.found(str(tmp_path / names[0])) == wanted


@pytest.mark.parametrize(
    "names", [["a.parquet", "b.csv"], ["a.jpg", "b.jsonl"], ["a.npy", "b.tar"], ["a.csv", "a.json"]]
)
def test_files_of_several_formats_are_refused_in_one_line(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InvalidInputError, match=r"files of several formats: .*--set corpus\.format=") as caught:
        by_name.found(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_for_the_reader_to_say(tmp_path):
    assert by_name.found(str(tmp_path / "nowhere")) == "parquet"
