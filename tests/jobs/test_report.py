"""The page holds every figure and the right pictures in the right frames, and needs nothing beside itself."""

import base64
import os
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import photographs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_rows import write_tar
from pictures import png
from PIL import Image

from hashcore.errors import InvalidInputError, OutputError
from jobs import report
from jobs.config.pipeline import Pipeline
from jobs.config.sections.report import ReportConfig
from jobs.evaluation.metrics import Curves, Example, Figure, Metrics, Setting, Shown
from jobs.page import charts
from jobs.page.thumbnails import thumbnails
from jobs.stages import outputs, records

LENGTH = 8


class Page(HTMLParser):
    """What a browser would load, and the text it would show."""

    def __init__(self, html):
        super().__init__()
        self.images, self.ids, self.links, self.classes, self.words = [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.classes += (values.get("class") or "").split()
        self.images += [values["src"]] if tag == "img" else []
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href", "srcset", "data")]

    def handle_data(self, data):
        self.words.append(data)


def figure(value, **others):
    protocol = {"ties": "none", "denominator": "k", "without_relevant": "counts as 0", "queries": 2, "left_out": 0}
    return Figure(value=value, database_size=9, code_length=LENGTH, **protocol, **others)


def metrics():
    """Figures of two queries, one of them with a wrong neighbor."""
    curve = np.linspace(0, 1, LENGTH + 1).tolist()
    pairs = np.arange(LENGTH + 1).tolist()
    shown = [Shown(id=5, distance=0, relevant=True, label=3), Shown(id=6, distance=2, relevant=False, label=4)]
    examples = [
        Example(id=70, labels=[3], average_precision=0.75, chosen="random", neighbors=shown),
        Example(id=71, labels=[3, 8], average_precision=0.125, chosen="worst", neighbors=shown[:1]),
    ]
    return Metrics(
        setting=Setting(
            pipeline="test",
            database_size=9,
            queries=2,
            queries_without_relevant=1,
            code_length=LENGTH,
            distinct_codes=7,
            relevance="at least one common label",
            ranking="all items of the database by Hamming distance",
            index_generation=4,
            hasher_fingerprint="3f9c2b7a",
        ),
        figures={"mAP": figure(0.875, best=0.9375, worst=0.8125), "P(r<=2)": figure(0.0625), "R@5": figure(None)},
        notes=["no k-NN error: a query or an item has not exactly one label"],
        curves=Curves(
            precision=curve,
            recall=curve,
            f1=[None, *curve[1:]],
            neighbors=curve,
            answered=curve,
            pr_precision=[None, *curve[1:]],
            pr_recall=curve,
            relevant_pairs=pairs,
            irrelevant_pairs=pairs,
            ks=[1, 2, 5, 9],
            precision_at=[1, 0.5, 0.25, None],
        ),
        examples=examples,
    )


def pixels(uri):
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))))


def grey(seed, side=8):
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


def make(root, images=True, **config):
    """A pipeline whose corpora hold the items of the examples and others, and whose metrics are written."""
    pipeline = Pipeline(name="test", root=str(root), report=ReportConfig(**config))
    for path, ids in ((pipeline.paths.corpus_queries, [70, 71, 72]), (pipeline.paths.corpus_database, [4, 5, 6])):
        os.makedirs(path)
        column = {"image": [png(grey(id_)) for id_ in ids]} if images else {"image": [[0.5] * 4 for _ in ids]}
        pq.write_table(pa.table({"id": ids, **column}), f"{path}/part-0.parquet")
    with outputs.writing(pipeline.paths.metrics, records.record(pipeline, "evaluate", ("evaluate",))) as staging:
        Path(staging).write_text(metrics().model_dump_json(), encoding="utf-8")
    return pipeline


def test_the_page_needs_nothing_beside_itself(tmp_path):
    html = report.render(make(tmp_path), metrics())
    page = Page(html)
    assert len(page.images) == 5
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    assert not re.search(r"url\((?!#)|@import|<script|<link", html)
    assert len(page.ids) == len(set(page.ids)) > 0
    assert html.count("<svg") == 4


def test_a_figure_of_queries_that_find_nothing_is_no_headline():
    found = metrics()
    assert found.curves.answered[2] == 0.25 and found.curves.answered[4] == 0.5
    figures = {**found.figures, "P(r<=4)": figure(0.5), "kNN error@1": figure(0.1)}
    assert report.headlines(found.model_copy(update={"figures": figures})) == ["mAP", "P(r<=4)", "kNN error@1"]
    assert report.headlines(found) == ["mAP"]


def test_the_page_names_each_fingerprint_once(tmp_path):
    pipeline = make(tmp_path)
    with outputs.writing(pipeline.paths.hasher, records.record(pipeline, "train", ("train",))) as staging:
        os.makedirs(staging)
    html = report.render(pipeline, metrics())
    names = re.findall(r'<td class="words">([^<]*)</td><td class="n"><code>', html)
    assert "hasher" in names and "training" in names and len(names) == len(set(names))


def test_every_figure_stands_there_with_its_bounds_and_protocol(tmp_path):
    text = " ".join(" ".join(Page(report.render(make(tmp_path), metrics())).words).split())
    for shown in ("mAP", "0.8750", "0.8125", "0.9375", "P(r ≤ 2)", "0.0625", "R@5", "counts as 0", "3f9c2b7a"):
        assert shown in text
    assert "Queries without any relevant item: 1." in text
    assert text.index("No k-NN error") < text.index("queries against")
    assert "rows_per_shard" in text


def test_frames_tell_right_from_wrong_and_pictures_are_those_of_the_corpus(tmp_path):
    page = Page(report.render(make(tmp_path), metrics()))
    examples = page.classes[page.classes.index("neighbors") :]
    assert (examples.count("right"), examples.count("wrong")) == (2, 1)
    assert [
        np.array_equal(pixels(uri), grey(id_)) for uri, id_ in zip(page.images, (70, 5, 6, 71, 5), strict=True)
    ] == [True] * 5
    assert page.words.index("Drawn at random") < page.words.index("Lowest average precision")


def test_a_corpus_of_features_has_no_gallery(tmp_path):
    html = report.render(make(tmp_path, images=False), metrics())
    assert Page(html).images == []
    assert "Nearest neighbors" not in html


def test_a_picture_that_is_lost_leaves_a_blank(tmp_path):
    pipeline = make(tmp_path)
    table = pa.table({"id": [5], "image": [png(grey(5))]})
    pq.write_table(table, f"{pipeline.paths.corpus_database}/part-0.parquet")
    page = Page(report.render(pipeline, metrics()))
    assert len(page.images) == 4
    assert page.classes.count("missing") == 1


def test_figures_that_no_query_defines_are_dashes_and_gaps(tmp_path):
    found = metrics()
    nothing = [None] * (LENGTH + 1)
    curves = {"recall": nothing, "f1": nothing, "pr_recall": nothing, "relevant_pairs": [0] * (LENGTH + 1)}
    empty = found.model_copy(
        update={
            "figures": {"mAP": figure(None)},
            "curves": found.curves.model_copy(update=curves),
            "examples": [found.examples[0].model_copy(update={"average_precision": None})],
        }
    )
    page = Page(report.render(make(tmp_path), empty))
    assert "–" in page.words
    assert "AP –" in " ".join(page.words)


def test_text_is_escaped(tmp_path):
    html = report.render(make(tmp_path, title="<script>alert(1)</script>"), metrics())
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_same_metrics_give_the_same_bytes(tmp_path):
    pipeline = make(tmp_path)
    assert report.render(pipeline, metrics()) == report.render(pipeline, metrics())


def test_run_writes_once_and_never_over_another_pipelines_page(tmp_path, capsys):
    pipeline = make(tmp_path)
    assert report.run(pipeline) == pipeline.paths.report
    written = os.stat(pipeline.paths.report).st_mtime_ns
    report.run(pipeline)
    assert os.stat(pipeline.paths.report).st_mtime_ns == written
    assert pipeline.paths.report in capsys.readouterr().out
    with pytest.raises(OutputError, match=r"different report\.title"):
        report.run(pipeline.model_copy(update={"report": ReportConfig(title="other")}))


@pytest.mark.parametrize(
    ("content", "why"), [(None, "is missing; run `hashcore evaluate` first"), ("{}", "no metrics")]
)
def test_without_metrics_there_is_no_page(tmp_path, content, why):
    pipeline = make(tmp_path)
    os.remove(pipeline.paths.metrics)
    if content is not None:
        Path(pipeline.paths.metrics).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=why):
        report.run(pipeline)
    assert not os.path.exists(pipeline.paths.report)


def test_thumbnails_are_of_every_format_and_colour(tmp_path):
    opaque = Image.fromarray(np.full((40, 20, 3), (200, 0, 0), np.uint8))
    clear = Image.new("RGBA", (20, 40), (200, 0, 0, 0))
    deep = Image.fromarray(np.full((40, 20), 51 * 257, np.uint16))
    files = [photographs.encoded(opaque, each) for each in ("WEBP", "GIF", "TIFF", "BMP")]
    files += [photographs.turned(opaque, 6), photographs.encoded(clear, "PNG"), photographs.encoded(deep, "PNG")]
    pq.write_table(pa.table({"id": range(7), "image": files}), tmp_path / "corpus.parquet")
    found = [pixels(each.uri) for _, each in sorted(thumbnails(str(tmp_path), "id", "image", range(7), 20).items())]
    assert [each.shape for each in found] == [(20, 10, 3)] * 6 + [(20, 10)]
    for each, colour in zip(found, [(200, 0, 0)] * 5 + [(255, 255, 255), 51], strict=True):
        assert np.abs(each[10, 5].astype(int) - colour).max() < 8


def test_thumbnails_scale_down_what_is_large_and_leave_out_what_is_damaged(tmp_path):
    colours = np.zeros((300, 150, 3), np.uint8)
    colours[:, :, 0] = 200
    rows = {"key": [1, 2, 3, 4, 5], "picture": [png(colours), png(grey(2)), b"no image", None, png(grey(5))]}
    pq.write_table(pa.table(rows), tmp_path / "corpus.parquet")
    found = thumbnails(str(tmp_path), "key", "picture", [1, 2, 3, 4, 99], 100)
    assert sorted(found) == [1, 2]
    assert pixels(found[1].uri).shape == (100, 50, 3)
    assert np.abs(pixels(found[1].uri)[50, 25].astype(int) - [200, 0, 0]).max() < 8
    assert not found[1].is_small
    assert found[2].is_small
    assert np.array_equal(pixels(found[2].uri), grey(2))


@pytest.mark.parametrize("kept", ["folders", "tar", "paths"])
def test_thumbnails_are_taken_from_wherever_the_images_lie(tmp_path, kept):
    names = [f"{kind}/{number}" for kind in ("cat", "dog") for number in range(3)]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.png").write_bytes(png(grey(number)))
    source, ids = tmp_path, [f"{name}.png" for name in names]
    if kept == "tar":
        source, ids = tmp_path / "x.tar", names
        write_tar(source, [(f"{name}.png", png(grey(number))) for number, name in enumerate(names)])
    if kept == "paths":
        source = tmp_path / "x.parquet"
        pq.write_table(pa.table({"id": ids, "image": ids}), source)
    found = thumbnails(str(source), "id", "image", [ids[4], ids[1], "gone"], 100)
    assert sorted(found) == [ids[1], ids[4]]
    assert np.array_equal(pixels(found[ids[4]].uri), grey(4))


def test_items_are_called_by_their_keys_and_the_names_of_their_labels(tmp_path):
    pipeline = make(tmp_path)
    shown = [Shown(id="cats/5.png", distance=0, relevant=True, label="cat")]
    asked = Example(id="q<7>", labels=["cat"], average_precision=1.0, chosen="random", neighbors=shown)
    for path, key in ((pipeline.paths.corpus_queries, "q<7>"), (pipeline.paths.corpus_database, "cats/5.png")):
        pq.write_table(pa.table({"id": [key], "image": [png(grey(7))]}), f"{path}/part-0.parquet")
    html = report.render(pipeline, metrics().model_copy(update={"examples": [asked]}))
    assert 'title="item cats/5.png, cat"' in html and 'title="query q&lt;7&gt;"' in html
    words = Page(html).words
    assert {"cat", "query q<7>", "cats/5.png"} <= set(words)


@pytest.mark.parametrize(
    ("path", "id_column", "image_column"), [("no", "id", "image"), (".", "no", "image"), (".", "id", "no")]
)
def test_without_a_corpus_or_a_column_there_are_no_thumbnails(tmp_path, path, id_column, image_column):
    pq.write_table(pa.table({"id": [1], "image": [png(grey(1))]}), tmp_path / "corpus.parquet")
    assert thumbnails(str(tmp_path / path), id_column, image_column, [1], 100) == {}


@pytest.mark.parametrize("peak", [2, 7, 11, 18, 21, 34, 60, 100])
def test_the_name_of_an_axis_stays_within_the_chart(peak):
    from matplotlib import figure as drawing
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    rest = [1] * (100 - peak)
    pairs = [peak, *rest, *[0] * (101 - len(rest))]
    curves = metrics().curves.model_copy(update={"relevant_pairs": pairs, "irrelevant_pairs": pairs})
    with rc_context(charts.STYLE):
        page = drawing.Figure(figsize=charts.SIZE_INCHES)
        axes = page.add_axes(charts.FRAME)
        charts.distances(axes, curves)
        FigureCanvasAgg(page).draw()
        assert axes.yaxis.label.get_window_extent().x0 >= 0
