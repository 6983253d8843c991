"""A corpus of tags goes through every stage as it stands, without any network, and comes out as the definition says."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import indexer
from hashcore.labels import Labels
from indexer.search.sparse import SparseSearcher
from jobs import demo, explain
from jobs.config.pipeline import Pipeline
from jobs.config.sections.corpus import CorpusConfig
from jobs.corpora import tags
from jobs.corpora.standard_sets import split_tags


@pytest.fixture
def tag_sets(tmp_path):
    """Write 400 items with some of 60 tags, of which 40 are queries, where a pipeline's corpus lies."""
    rng = np.random.default_rng(0)
    rows = [sorted(rng.choice(60, rng.integers(1, 6), replace=False, p=_zipf(60)).tolist()) for _ in range(400)]
    for part, chosen in (("train", range(360)), ("database", range(360)), ("queries", range(360, 400))):
        folder = tmp_path / "run" / "corpus" / part
        folder.mkdir(parents=True)
        words = [[f"tag{number:02}" for number in rows[row]] for row in chosen]
        labels = [rows[row][:1] for row in chosen]
        table = pa.table({"id": list(chosen), "tags": words, "labels": pa.array(labels, pa.list_(pa.int32()))})
        pq.write_table(table, folder / "part.parquet")
    return rows


def _zipf(tags):
    weights = 1 / np.arange(1, tags + 1)
    return weights / weights.sum()


def test_tags_are_encoded_indexed_searched_evaluated_and_shown_without_a_network(spark, tmp_path, tag_sets, capsys):
    pipeline = Pipeline.model_validate(
        {
            "name": "tags",
            "root": str(tmp_path / "run"),
            "train": {"method": "identity-tags", "modality": "tags"},
            "encode": {"modality": "tags"},
            "search": {"radius": 2},
        }
    )
    demo.run(pipeline)
    index = indexer.open(pipeline.paths.index)
    assert (
        index.kind == "sparse"
        and isinstance(index.open_shard(0).searcher, SparseSearcher)
        and index.manifest.layout.lists
    )
    info = json.loads((tmp_path / "run" / "codes" / "queries" / "codes.json").read_text())
    assert info["kind"] == "sparse" and info["rows"] == 40
    expected = sorted(
        (query, item, len(set(tag_sets[query]) ^ set(tag_sets[item])))
        for query in range(360, 400)
        for item in range(360)
        if len(set(tag_sets[query]) ^ set(tag_sets[item])) <= 2
    )
    found = pq.read_table(pipeline.paths.neighbors)
    got = sorted(zip(*(found.column(name).to_pylist() for name in ("query_id", "id", "distance")), strict=True))
    assert len(got) > 40 and got == expected
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())["figures"]
    assert figures["P(r<=2)"]["value"] is not None and figures["mAP"]["value"] > 0
    assert "tags" in (tmp_path / "run" / "report.html").read_text()
    capsys.readouterr()
    explain.run(pipeline)
    assert "40 queries, radius 2 of" in capsys.readouterr().out


def test_queries_are_held_out_of_tag_sets():
    items = tags.TagSets(np.arange(50), Labels.from_lists([[i] for i in range(50)]), Labels.from_lists([[]] * 50))
    parts = split_tags(items, CorpusConfig(source="nuswide-concepts", held_out=20))
    assert len(parts["queries"].ids) == 20
    assert sorted([*parts["queries"].ids, *parts["database"].ids]) == list(range(50))
    assert parts["queries"].tags.of(3).tolist() == [parts["queries"].ids[3]]
