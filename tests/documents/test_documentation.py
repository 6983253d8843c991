"""The pages are true: their commands run or name what they need, their links lead somewhere, the notebook runs."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pictures import png

from hashcore.labels import Labels
from hashcore.training import fit
from hashcore.training.config import Augmentation, TrainingConfig
from jobs import cli
from jobs.config import options
from jobs.config.pipeline import Pipeline, load
from jobs.evaluation import metrics
from jobs.stages import codes_directory

HERE = Path(__file__).parents[2]
JOBS, SIZING, RECIPES = HERE / "jobs/README.md", HERE / "jobs/SIZING.md", HERE / "jobs/RECIPES.md"
PAGES = [JOBS, SIZING, RECIPES, HERE / "terraform/README.md"]


def blocks(path, kind=""):
    found = re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for its, text in found if its == kind]


def test_the_pages_have_links_and_name_files():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(re.findall(r"\]\(([^)]+)\)", text)) > 8 and len(re.findall(r"`conf/[\w./-]+\.(?:yaml|conf)`", text)) > 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(HERE).as_posix())
def test_links_lead_to_files(page):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")) if "://" not in link]
    assert all((page.parent / link.partition("#")[0]).exists() for link in links)
    named = re.findall(r"`(conf/[\w./-]+\.(?:yaml|conf))`", page.read_text(encoding="utf-8"))
    assert all((HERE / name).exists() for name in named)


def test_every_job_has_a_page_and_every_verb_is_named():
    text = JOBS.read_text(encoding="utf-8")
    pages = set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    assert pages == {"train", "encode", "import", "index", "search", "evaluate", "report"}
    assert all(re.search(rf"`{verb}\b|^## {verb}$|hashcore {verb}\b", text, re.MULTILINE) for verb in cli.VERBS)


def test_the_help_of_a_job_shows_every_option_with_its_meaning(capsys):
    for job in ("train", "encode", "index", "search", "evaluate", "report"):
        with pytest.raises(SystemExit):
            cli.main([job, "--help"])
        shown = capsys.readouterr().out
        for name, option in Pipeline.model_fields[job].annotation.model_fields.items():
            assert f"{job}.{name} = " in shown
            assert option.description.split()[0] in shown
        assert ("hasher.allow = []" in shown) == (job == "encode")
    assert options.describe("doctor") == ""


def test_the_table_of_sizes_is_what_the_measured_figures_give():
    rows = re.findall(
        r"^\| 10([⁰¹²³⁴-⁹]+) \| ([\d,]+) \| ([\d.]+) (GB|TB) \| ([\d.]+) (GB|TB) \|", SIZING.read_text(), re.M
    )
    assert len(rows) == 5
    unit = {"GB": 1e9, "TB": 1e12}
    for power, shards, parquet, of_parquet, index, of_index in rows:
        codes = 10 ** int("".join(str("⁰¹²³⁴⁵⁶⁷⁸⁹".index(digit)) for digit in power))
        assert int(shards.replace(",", "")) == math.ceil(codes / 64_000_000)
        assert float(parquet) * unit[of_parquet] == pytest.approx(16 * codes, rel=0.3)
        assert float(index) * unit[of_index] == pytest.approx(36.5 * codes, rel=0.1)


def write(folder, ids, rng):
    folder.mkdir(parents=True)
    values = rng.standard_normal((len(ids), 40)).astype(np.float32)
    pq.write_table(pa.table({"id": ids, "features": values.tolist()}), folder / "0.parquet")


def commands(text):
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("hashcore ")]


def test_the_recipes_for_embeddings_and_near_duplicates_run_as_they_are_written(spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for part, ids in (("train", range(300)), ("database", range(300)), ("queries", range(1000, 1020))):
        write(Path("runs/mine/corpus") / part, list(ids), rng)
    Path("mine.yaml").write_text(blocks(RECIPES, "yaml")[0])
    _, _, embeddings, _, duplicates, _ = blocks(RECIPES)
    assert len(commands(embeddings)) == 5 and len(commands(duplicates)) == 2
    for words in [*commands(embeddings), *commands(duplicates)]:
        assert cli.main(words) == 0, (words, capsys.readouterr().err)
    assert pq.read_table("runs/mine/neighbors").num_rows == 20 * 10
    pairs = pq.read_table("runs/mine/pairs").to_pylist()
    assert {row["id"] for row in pairs if row["query_id"] == row["id"]} == set(range(300))


def test_the_recipe_for_whatever_one_has_runs_as_it_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).standard_normal((300, 80)).astype(np.float32)
    keys = [f"photos/{row:04}.jpg" for row in range(300)]
    pq.write_table(pa.table({"id": keys, "features": vectors.tolist()}), "mine.parquet")
    np.save("new.npy", vectors[7])
    made, asked = (commands(block) for block in blocks(RECIPES)[:2])
    assert [its[0] for its in (*made, *asked)] == ["init", "run", "search", "search", "show"]
    said = []
    for its in [*(line[: line.index("#")] if "#" in line else line for line in made), *asked]:
        assert cli.main(its) == 0, (its, capsys.readouterr().err)
        said.append(capsys.readouterr().out)
    assert len(said[2].splitlines()) == 1 + 5 and "photos/0042.jpg" not in said[2]
    assert said[3].splitlines()[1].split() == ["photos/0007.jpg", "0"]
    assert said[4].startswith("photos/0042.jpg: in generation 1, code 0x")


def test_the_recipe_for_codes_runs_as_it_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    codes = np.random.default_rng(0).integers(0, 256, (50, 32)).astype(np.uint8)
    codes[1] = codes[0]
    Path("pdq.csv").write_text("id,hash\n" + "".join(f"item {row},{bytes(codes[row]).hex()}\n" for row in range(50)))
    Path("codes.yaml").write_text(blocks(RECIPES, "yaml")[1])
    words = commands(blocks(RECIPES)[3])
    assert [its[0] for its in words] == ["import", "index", "search"]
    for its in [*words, ["run", "--config", "codes.yaml"]]:
        assert cli.main(its) == 0, (its, capsys.readouterr().err)
    found = [row for row in pq.read_table("runs/codes/neighbors").to_pylist() if row["query_id"] != row["id"]]
    assert {(row["query_id"], row["id"], row["distance"]) for row in found} == {
        ("item 0", "item 1", 0),
        ("item 1", "item 0", 0),
    }
    assert cli.main(["init", "pdq.csv"]) == 0


def pairs(ids, rng):
    """Images of 6 × 6 pixels and texts of 8 numbers, of four classes."""
    classes = [id_ % 4 for id_ in ids]
    brightness = rng.integers(0, 40, (len(ids), 6, 6)).astype(np.uint8)
    for row, label in enumerate(classes):
        brightness[row, label] += 200
    texts = rng.normal(0, 0.3, (len(ids), 8))
    texts[np.arange(len(ids)), classes] += 3
    return {"id": ids, "image": list(map(png, brightness)), "text": texts.tolist(), "labels": [[c] for c in classes]}


@pytest.mark.ray
def test_the_recipe_across_modalities_runs_as_it_is_written(spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    parts = (("train", range(400), ""), ("database", range(300), "image"), ("queries", range(1000, 1040), "text"))
    for part, ids, lacks in parts:
        held = pairs(list(ids), rng)
        held.pop(lacks, None)
        (tmp_path / "runs/sides/corpus" / part).mkdir(parents=True)
        pq.write_table(pa.table(held), tmp_path / "runs/sides/corpus" / part / "0.parquet")
    Path("sides.yaml").write_text(blocks(RECIPES, "yaml")[3])
    words = commands(blocks(RECIPES)[5])
    assert [its[0] for its in words] == ["train", "encode", "index", "search", "evaluate"]
    for its in words:
        assert cli.main(its) == 0, (its, capsys.readouterr().err)
    modalities = [codes_directory.read_info(f"runs/sides/codes/{part}").modality for part in ("database", "queries")]
    assert modalities == ["text", "image"]
    found = pq.read_table("runs/sides/neighbors").to_pandas()
    assert len(found) == 40 * 10 and (found.query_id % 4 == found.id % 4).mean() > 0.9
    assert metrics.read("runs/sides/metrics.json").figures["mAP"].value > 0.9


def test_the_recipe_for_photographs_is_a_training_of_images(tmp_path):
    photographs = blocks(RECIPES, "yaml")[2]
    (tmp_path / "photographs.yaml").write_text(photographs)
    train = load(HERE / "conf/mnist.yaml", also=[tmp_path / "photographs.yaml"]).train
    images = np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32)).astype(np.uint8)
    training = TrainingConfig.model_validate(
        train.model_dump(include=set(TrainingConfig.model_fields)) | {"epochs": 1, "batch_size": 8}
    )
    assert training.augmentation == Augmentation(shift=3, mirror=True) and training.precision == "bfloat16"
    hasher = fit(images, Labels.from_lists([[row % 2] for row in range(16)]), training)
    assert hasher.modalities["image"].network.name == "convolutional"


def test_the_notebook_runs():
    cells = json.loads((HERE / "jobs/quickstart.ipynb").read_text(encoding="utf-8"))["cells"]
    names = {}
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        exec(compile("".join(cell["source"]), "quickstart.ipynb", "exec"), names)
    assert names["found"].ids.reshape(3, 5)[:, 0].tolist() == [0, 1, 2]


def test_commands_of_other_pages_need_an_account_or_are_those_there_are():
    assert "## Use (needs a cloud account)" in (HERE / "terraform/README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(blocks(RECIPES, "yaml")[0])["name"] == "mine"
    for page in PAGES:
        for verb in re.findall(r"`hashcore (\w+)", page.read_text(encoding="utf-8")):
            assert verb in cli.VERBS or verb == "VERB"
    assert load(HERE / "conf/mnist.yaml").encode.modality == "image"
