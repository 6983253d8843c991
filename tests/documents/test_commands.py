"""Every command in the documentation is executed by a test, or it is said what it needs that a test has not.

A row of the table below names the test that executes the commands it matches, with other sizes and places where their
own would take hours, or why none does; tests/cluster is run by `make test-cluster`. A command without a row fails,
and so does a row without a command.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs import cli

HERE = Path(__file__).parents[2]
FOLDERS = (".", "jobs", "indexer", "terraform")
PAGES = [page for folder in FOLDERS for page in sorted((HERE / folder).glob("*.md"))]
SETTINGS = sorted(path for path in HERE.glob("conf/**/*") if path.suffix in (".yaml", ".conf", ".Dockerfile"))
COMMAND = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:hashcore|make|python|spark-submit|ray job|terraform|docker|aws|kubectl|sed) \S.*"
)

DOCUMENTS = "tests/documents/test_documentation.py::test_the_"
VERBS = "tests/documents/test_commands.py::test_the_verbs_of_the_readme_run_in_their_order"
RECIPES = DOCUMENTS + "recipes_for_embeddings_and_near_duplicates_run_as_they_are_written"
WHATEVER = DOCUMENTS + "recipe_for_whatever_one_has_runs_as_it_is_written"
BY_RUN = "tests/jobs/test_run.py::test_"
DEMO = "tests/documents/test_readme.py::test_its_first_command_ends_with_a_page_and_good_figures"
MNIST = "tests/cluster/test_mnist_pipeline.py::test_"
ON_RAY = "tests/jobs/training/test_train_on_ray.py::test_two_workers_"
ROW = "tests/jobs/research/test_reproduce.py::test_a_row_becomes_"
ELSEWHERE = "tests/jobs/research/papers/test_elsewhere.py::test_a_network_trained_elsewhere_"
BENCH = "tests/jobs/research/test_bench.py::test_"
ENCODE = "tests/jobs/encode/"
SUBMIT = ENCODE + "test_codes.py::test_the_same_through_spark_submit"
HOURS = "the machine for itself, for minutes to hours; "
EVIDENCE = {
    r"hashcore (train|encode|index|append|delete|compact|vacuum|verify|inspect)": VERBS,
    r"hashcore (search|evaluate|report|explain)": VERBS,
    r"hashcore (import|index|search|run) --config codes\.yaml|hashcore import( --config FILE)?": DOCUMENTS
    + "recipe_for_codes_runs_as_it_is_written",
    r"hashcore init( PATH| pdq\.csv)?|hashcore inspect PATH|hashcore run": DOCUMENTS
    + "recipe_for_codes_runs_as_it_is_written",
    r"hashcore (runs|doctor)|hashcore (index|runs) --config FILE": VERBS,
    r"hashcore append --set append\.codes=DIR|hashcore delete --set delete\.ids=FILE": VERBS,
    r"hashcore (train|encode|index|search|runs|evaluate) --config (mine|sides)\.yaml.*": RECIPES,
    r"hashcore encode --set encode\.only_ids=.*": ENCODE + "test_rejects.py::test_rejected_rows_are_retried_",
    r"hashcore VERB --help": DOCUMENTS + "help_of_a_job_shows_every_option_with_its_meaning",
    r"hashcore doctor --root s3://…": "tests/jobs/test_cli.py::test_doctor_says_whether_a_root_keeps_writers_apart",
    r"hashcore show( INDEX KEY…)?": "tests/jobs/front_door/test_keys.py::test_an_item_is_shown_",
    r"hashcore init mine\.parquet --out mine\.yaml": WHATEVER,
    r"hashcore search runs/mine/index (--key|--query) \S+( --k 5)?|hashcore show runs/mine/index \S+jpg": WHATEVER,
    r"hashcore run --config (FILE|mine\.yaml)": BY_RUN + "the_whole_pipeline_runs_by_one_command",
    r"hashcore (inspect|verify) runs/mine/index|hashcore delete runs/mine/index --ids 17,4": BY_RUN
    + "an_index_is_looked_at_by_its_folder_alone",
    r"hashcore search runs/mine/index --k 5": BY_RUN + "a_search_by_the_folder_of_an_index_",
    r"make demo( or)?|hashcore demo( --config conf/demo\.yaml)?": DEMO,
    r"(HASHCORE_DATA=\.\.\. )?hashcore demo --config conf/tags\.yaml": "tests/jobs/corpora/test_tags.py::test_tags_",
    r"hashcore demo --config conf/sparsehash\.yaml": "tests/jobs/test_ternary.py::test_ternary_codes_",
    r"hashcore (demo|train) --config conf/mnist\.yaml( --set train\.epochs=30)?": MNIST,
    r"hashcore train --config conf/mnist\.yaml --with conf/ray/local\.yaml": ON_RAY,
    r"hashcore plan( --codes (N|1e9)( --radius 4)?)?": "tests/jobs/machine/test_plan.py::test_the_command_",
    r"(HASHCORE_DATA=… )?hashcore reproduce --config conf/papers/\*\.yaml": ROW,
    r"python -m jobs\.research\.papers\.elsewhere .*": ELSEWHERE,
    r"hashcore reproduce --config \S+ --set not_run=null --hashers \S+": ELSEWHERE,
    r"hashcore bench (build|latency|ranking)": BENCH + "a_benchmark_runs_and_its_answers_are_those_of_its_peer",
    r"hashcore bench search-spark": BENCH + "searching_on_spark_is_compared_with_searching_here",
    r"hashcore bench encode": BENCH + "encoding_on_spark_is_compared_with_a_plain_loop",
    r"hashcore bench (scan|search|nearest|sparse|all)|hashcore bench search --data learned .*|make bench": HOURS
    + "run for BENCHMARKS.md",
    r"python -m jobs\.research\.benchmarks\.(growth|workloads\.\w+) .*": HOURS + "run for BENCHMARKS.md",
    r"python -m jobs\.research\.benchmarks\.sparse_growth .*": BENCH
    + "sparse_codes_built_shard_by_shard_are_held_against_scans",
    r"python -m jobs\.research\.papers\.tradeoff .*": "tests/jobs/research/papers/test_tradeoff.py::test_",
    r"hashcore (index|search) --config conf/billion\.yaml": HOURS + "run for BENCHMARKS.md",
    r"make (test|lint)": "the suite and its style: .ci/run runs both",
    r"make (wheel|archive|archive WITH=torch|test-cluster)": HOURS + "make test-cluster runs them all",
    r"make test-(petastorm|faults|sanitized|s3)": HOURS + "itself a suite of tests",
    r"spark-submit (--properties-file conf/spark/local\.conf )?jobs/(encode|index)\.py --config \S+": SUBMIT,
    r"spark-submit --master spark://HOST:7077 .*": "needs a cluster; tests/cluster submits alike to local-cluster",
    r"ray job submit -- .*|RAY_ADDRESS=\S+ hashcore train .*": "needs a cluster; tests/cluster trains on two raylets",
    r"sed .* \| kubectl apply .*": "needs a cluster; tests/documents/test_conf.py reads the file",
    r"docker build .*": "needs docker and its registry; make lint reads the file",
    r"aws .*|terraform (-chdir=terraform/dev )?(init|apply|output|destroy)( -[^&]*)?": "needs a cloud account",
    r"terraform (-chdir\S+ init .*|validate|test)": "needs a mirror of terraform's providers",
    r"terraform fmt( -check)?": "make lint runs it",
    r"terraform get": "tests/documents/test_terraform.py::test_terraform_finds_every_module_that_a_root_calls",
}


def tidy(text):
    """Return a command on one line, without the comment behind it."""
    return " ".join(re.sub(r"\s{2,}#.*", "", text.replace("\\\n", " ")).split())


def commands(path):
    """Return the commands of a page, or of the comment that a file of settings opens with."""
    text = path.read_text(encoding="utf-8")
    if path in SETTINGS:
        text = "\n".join(line[1:].removeprefix(" ") for line in text.splitlines() if line.startswith("#"))
        lines = re.findall(r"^  (\S(?:.*\\\n)*.*)$", text, re.MULTILINE)
    else:
        fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        shell = [block for kind, block in fenced if kind in ("", "sh", "bash")]
        text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        lines = [line for block in shell for line in re.findall(r"^(\S(?:.*\\\n)*.*)$", block, re.MULTILINE)]
        lines += re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    found = map(tidy, [*lines, *re.findall(r"`([^`]+)`", text)])
    return {command for command in found if COMMAND.fullmatch(command)}


def test_every_command_is_executed_or_says_what_it_needs():
    found = set().union(*map(commands, [*PAGES, *SETTINGS]))
    assert len(found) > 60
    rows = {command: [row for row in EVIDENCE if re.fullmatch(row, command)] for command in found}
    assert {command: len(its) for command, its in rows.items() if len(its) != 1} == {}
    assert {row for its in rows.values() for row in its} == set(EVIDENCE)


def test_the_tests_that_execute_commands_are_there():
    for evidence in EVIDENCE.values():
        file, both, name = evidence.partition("::")
        if both:
            assert re.search(rf"^def {name}", (HERE / file).read_text(encoding="utf-8"), re.MULTILINE), evidence
        else:
            assert re.match(r"needs (a|docker)\b|the (machine|suite)\b|make lint", evidence), evidence


def test_the_verbs_of_the_readme_run_in_their_order(spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for part, ids in (("train", range(200)), ("database", range(200)), ("queries", range(1000, 1020))):
        classes = np.array(ids) % 4
        values = (5 * np.eye(40)[classes] + rng.standard_normal((len(ids), 40))).astype(np.float32)
        table = pa.table({"id": list(ids), "features": values.tolist(), "labels": [[int(c)] for c in classes]})
        Path("runs/mine/corpus", part).mkdir(parents=True)
        pq.write_table(table, f"runs/mine/corpus/{part}/0.parquet")
    pq.write_table(pa.table({"id": [3, 4]}), "gone.parquet")
    Path("mine.yaml").write_text(
        "{name: mine, train: {method: itq, modality: features, code_length: 32}, encode: {modality: features}, "
        "search: {k: 5}, evaluate: {knn: [3]}, append: "
        f"{{codes: {tmp_path}/runs/mine/codes/queries}}, delete: {{ids: {tmp_path}/gone.parquet}}}}"
    )
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `hashcore (\w+)` \|", readme, re.MULTILINE)
    verbs = [verb for verb in named if verb not in ("doctor", "demo")]
    assert len(verbs) == 14
    for verb in verbs:
        assert cli.main([verb, "--config", "mine.yaml"]) == 0, (verb, capsys.readouterr().err)
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "search: 100 neighbors" in said and "evaluate: 20 queries, 218 items" in said
