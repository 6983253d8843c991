"""The infrastructure holds together: typed variables, modules that get what they need, references that lead somewhere.

`terraform validate` and `terraform test` need providers that cannot be had everywhere; this needs nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "terraform"
MODULES = sorted(path.name for path in (HERE / "modules").iterdir())
ROOTS = ["dev", "prod"]
PARTS = ["emr_serverless", "iam", "network", "ray", "storage"]
FOLDERS = [*(f"modules/{name}" for name in MODULES), *ROOTS]


def source(folder):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((HERE / folder).glob("*.tf")))


def blocks(text, kind):
    """Return the bodies of top-level blocks by their last label; blocks end at a brace in the first column."""
    found = re.findall(rf'^{kind} (?:"[\w-]+" )*"([\w-]+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL)
    return dict(found)


def arguments(body):
    return set(re.findall(r"^  (\w+) +=", body, re.MULTILINE)) - {"source"}


def test_the_modules_and_roots_are_those_of_the_readme():
    assert sorted([*PARTS, "platform"]) == MODULES
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in readme for name in MODULES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_variable_is_typed_described_and_validated_and_used(folder):
    text, variables = source(folder), blocks(source(folder), "variable")
    assert variables
    for name, body in variables.items():
        assert {"type", "description", "nullable"} <= arguments(body), name
        assert re.search(r"validation \{\s+condition .*?error_message", body, re.DOTALL), name
        assert f"var.{name}" in body, f"{name}'s validation does not look at it"
        assert len(re.findall(rf"var\.{name}\b", text)) > len(re.findall(rf"var\.{name}\b", body)), f"{name} is unused"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_reference_leads_to_something_declared(folder):
    text = re.sub(r"#.*", "", source(folder))
    declared = {f"{kind}.{name}" for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)}
    declared |= {f"data.{kind}.{name}" for kind, name in re.findall(r'^data "(\w+)" "(\w+)"', text, re.MULTILINE)}
    used = set(re.findall(r"(?<![\w./-])((?:data\.)?(?:aws|helm)_\w+\.\w+)", text))
    assert used <= declared and (used or folder in [*ROOTS, "modules/platform"])
    assert set(re.findall(r"\bvar\.(\w+)", text)) == set(blocks(text, "variable"))
    local = set(re.findall(r"^  (\w+) += ", "\n".join(re.findall(r"^locals {\n(.*?)^}", text, re.M | re.S)), re.M))
    assert set(re.findall(r"\blocal\.(\w+)", text)) == local


@pytest.mark.parametrize(
    ("folder", "used"), [*((root, ["platform"]) for root in ROOTS), ("modules/platform", PARTS)], ids=str
)
def test_each_module_is_given_what_it_needs_and_nothing_else(folder, used):
    text = source(folder)
    modules = blocks(text, "module")
    assert sorted(modules) == used
    for name, body in modules.items():
        variables = blocks(source(f"modules/{name}"), "variable")
        needed = {variable for variable, its in variables.items() if "default" not in arguments(its)}
        assert needed <= arguments(body) <= set(variables), name
        assert (HERE / folder / re.search(r'source += "(.*)"', body).group(1)).resolve() == HERE / "modules" / name
    for name, output in re.findall(r"module\.(\w+)\.(\w+)", text):
        assert output in blocks(source(f"modules/{name}"), "output"), f"{name}.{output}"


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
@pytest.mark.parametrize("root", ROOTS)
def test_terraform_finds_every_module_that_a_root_calls(root, tmp_path):
    copy = shutil.copytree(HERE, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform"))
    done = subprocess.run(["terraform", "get"], cwd=copy / root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(re.findall(r"^- platform\.(\w+) in", done.stdout, re.MULTILINE)) == PARTS


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_sets_the_bounds_there_are(root):
    declared = re.findall(r"^    (\w+) += (optional)?", blocks(source("modules/platform"), "variable")["bounds"], re.M)
    known, needed = {name for name, _ in declared}, {name for name, optional in declared if not optional}
    (body,) = re.findall(r"^  bounds = {\n(.*?)^  }", source(root), re.MULTILINE | re.DOTALL)
    given = set(re.findall(r"^    (\w+) +=", body, re.MULTILINE))
    assert needed - {"condition", "error_message"} <= given <= known
    assert set(re.findall(r"var\.bounds\.(\w+)", source("modules/platform"))) == known - {"condition", "error_message"}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_tests_of_its_outcome_and_of_a_refusal(name):
    text = (HERE / "tests" / f"{name}.tftest.hcl").read_text(encoding="utf-8")
    runs = blocks(text, "run")
    assert 'mock_provider "aws"' in text
    assert all(f'source = "./modules/{name}"' in body for body in runs.values())
    assert sum("assert {" in body for body in runs.values()) >= 2
    refused = set(re.findall(r"expect_failures = \[var\.(\w+)\]", text))
    assert refused and refused <= set(blocks(source(f"modules/{name}"), "variable"))
    given = set(blocks(source(f"modules/{name}"), "variable"))
    outer = re.search(r"^variables {\n(.*?)^}", text, re.MULTILINE | re.DOTALL)
    assert outer and arguments(outer.group(1)) <= given


def test_a_check_that_is_left_out_says_why():
    skips = re.findall(r"#checkov:skip=(\w+):(.*)", "\n".join(source(folder) for folder in FOLDERS))
    assert skips
    assert all(len(reason.split()) > 3 for _, reason in skips)


def test_no_role_but_that_of_the_stage_writes_its_output():
    table = re.search(r"^  jobs = {\n(.*?)^  }", source("modules/iam"), re.MULTILINE | re.DOTALL).group(1)
    jobs = {
        name: re.findall(r'"([^"]+)"', writes)
        for name, writes in re.findall(r"(\w+) = {.*?writes +=(.*?)\n", table, re.S)
    }
    assert set(jobs) == {"train", "encode", "index", "search", "evaluate"}
    assert [job for job, writes in jobs.items() if any(w.startswith("index") for w in writes)] == ["index"]
    assert jobs["encode"] == ["codes/*"]
