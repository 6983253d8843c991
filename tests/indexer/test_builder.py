"""Build: a generation of shards named by their content, or a refusal that leaves nothing."""

import shutil

import numpy as np
import pytest

import indexer
from hashcore.errors import CorruptIndexError, HashcoreError, InvalidInputError, OutputError
from hashcore.labels import Labels


def test_building_again_makes_a_new_generation_of_the_same_files(root, corpus):
    ids, packed, labels = corpus
    before = [path.name for path in (root / "shards").iterdir()]
    layout = indexer.open(str(root)).manifest.layout
    again = indexer.build(str(root), ids, packed, code_length=40, labels=labels, layout=layout)
    assert [path.name for path in (root / "shards").iterdir()] == before and len(before) == 1
    assert again.generation == 2 and again.manifest.parent == 1
    assert indexer.open(str(root)).generation == 2
    assert indexer.open(str(root), generation=1).generation == 1
    with pytest.raises(InvalidInputError, match="no generation 3; use one of 1, 2"):
        indexer.open(str(root), generation=3)


def test_a_root_that_holds_something_else_is_left_alone(tmp_path, corpus):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        indexer.build(str(tmp_path), corpus[0], corpus[1], code_length=40)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_root_that_cannot_be_written_is_refused_in_one_line(tmp_path, corpus):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose a directory"):
        indexer.build(str(tmp_path / "file" / "index"), corpus[0], corpus[1], code_length=40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": np.zeros(600, np.int64)}, "599 ids are there more than once, such as 0"),
        ({"ids": np.arange(599)}, r"need whole numbers of shape \(600,\)"),
        ({"ids": np.arange(600.0)}, r"need whole numbers of shape \(600,\)"),
        (
            {"ids": np.arange(600, dtype=np.uint64) + 2**63 - 599},
            "9223372036854775808 is larger than",
        ),
        ({"codes": np.empty((0, 5), np.uint8), "ids": np.empty(0, np.int64)}, "no codes to index"),
        ({"code_length": 48}, "5 bytes wide but 48 bits take 6"),
        ({"rows_per_shard": 0}, "rows_per_shard=0"),
        ({"kind": "fuzzy"}, "use one of dense, sparse, ternary"),
        ({"labels": Labels.from_lists([[1]])}, "1 rows of labels for 600 codes"),
    ],
)
def test_what_is_no_corpus_is_refused_and_nothing_is_left(tmp_path, corpus, change, message):
    wanted = {"ids": corpus[0], "codes": corpus[1], "code_length": 40, **change}
    with pytest.raises(InvalidInputError, match=message):
        indexer.build(str(tmp_path / "index"), wanted.pop("ids"), wanted.pop("codes"), **wanted)
    assert not (tmp_path / "index").exists()


def test_no_index_is_said_plainly(tmp_path):
    with pytest.raises(InvalidInputError, match="holds no index"):
        indexer.open(str(tmp_path))


def test_a_build_that_dies_before_its_commit_leaves_the_old_generation(root, corpus, monkeypatch):
    ids, packed, _ = corpus
    before = indexer.open(str(root)).range_search(packed[:5], 9)

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("indexer.builder.commit_manifest", die)
    with pytest.raises(KeyboardInterrupt):
        indexer.build(str(root), ids[:100], packed[:100], code_length=40)
    after = indexer.open(str(root))
    assert after.generation == 1
    assert np.array_equal(after.range_search(packed[:5], 9).ids, before.ids)


def test_an_index_moved_elsewhere_still_opens(root, tmp_path, corpus):
    shutil.move(root, tmp_path / "moved")
    assert len(indexer.open(str(tmp_path / "moved"))) == 600
    assert issubclass(CorruptIndexError, HashcoreError)
