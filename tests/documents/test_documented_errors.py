"""Every reason for which the jobs' page says that a job fails is the reason of a test, by its name and its message."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "jobs" / "README.md"
INDEX, SEARCH, FIGURES = "test_index.py", "test_search.py", "evaluation/test_figures.py"
IMPORT = "importing/test_refusals.py"
ALLOWED, ON_RAY = "training/test_code_of_others.py", "training/test_train_on_ray.py"
EVIDENCE = {
    "no two classes are labelled": ("training/test_train.py", "all 200 labelled rows share label 4"),
    "more workers than CPUs or GPUs": (ON_RAY, "more_workers_than_the_cluster_has_cpus_are_refused"),
    "too many bad rows, which are then listed in `hasher.rejected/`": (
        "training/test_rejects.py",
        "40 of 100 rows are bad, more than",
    ),
    "a worker is lost more than `max_failures` times": (
        "training/test_worker.py",
        "what_ray_says_of_a_failure_becomes_one_line",
    ),
    "the hasher has collapsed, which then lies in `hasher.refused/`": (
        "training/test_outcome.py",
        "a_collapsed_hasher_is_refused",
    ),
    "ids are null": ("encode/test_refusals.py", "ids in id are null"),
    "the share of rejected rows exceeds `max_rejected_share`, which are then listed in `codes/database.rejected/`": (
        "encode/test_rejects.py",
        "too_many_bad_rows_fail_the_job_and_leave_a_list_of_them_alone",
    ),
    "a column is missing or of a user-defined type": (ALLOWED, "column of a user-defined type, whose code is not run"),
    "the hasher changed meanwhile, or its network is code that is not allowed, or has changed": (
        "encode/test_tasks.py",
        "a_hasher_that_changes_during_the_run_is_noticed",
    ),
    "two readings are possible": (IMPORT, "may hold packed or bits"),
    "the order of bits is not said where there are bytes": (IMPORT, "import.bit_order is not said; say --set"),
    "the share of rejected rows exceeds `import.max_rejected_share`, which are then listed in "
    "`codes/database.rejected/`": (IMPORT, "10 of 100 rows are bad, more than import.max_rejected_share=0.01"),
    "an id occurs twice": (INDEX, "ids occur more than once, such as"),
    "a code has another length": (INDEX, "a code is not 16 bytes long, as 128 bits take"),
    "the codes are half written": ("stages/test_outputs.py", "half written"),
    "neither k nor radius is given": (SEARCH, r"neither search\.k nor search\.radius"),
    "k exceeds the index": (SEARCH, "k=52: the index holds 51 codes"),
    "queries and index are of different hashers": (SEARCH, "queries_of_another_hasher_are_refused"),
    "there are no labels": (FIGURES, "the queries have no labels"),
    "a k exceeds the index": (FIGURES, "k=301 exceeds the 300 codes in the index"),
    "a radius exceeds the code": (FIGURES, "radius 25 exceeds the 24 bits"),
}


def reasons():
    """Return every reason of the rows that say when a job fails."""
    rows = re.findall(r"^\| fails if \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [reason.strip() for row in rows for reason in row.split(";")]


def test_every_reason_to_fail_that_the_page_gives_has_a_test():
    assert len(reasons()) >= 18
    assert set(reasons()) == set(EVIDENCE)


def test_the_tests_look_for_the_messages():
    for reason, (file, said) in EVIDENCE.items():
        assert said in (ROOT / "tests" / "jobs" / file).read_text(encoding="utf-8"), reason
