"""The house stays one that a stranger finds a room in: few files a folder, short files, no large import circle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import grimp
import pytest

HERE = Path(__file__).parents[2]
PACKAGES = ("hashcore", "indexer", "jobs")
SOURCES = [path for package in PACKAGES for path in sorted((HERE / package).rglob("*.py"))]
TESTS = sorted((HERE / "tests").rglob("*.py"))
NATIVE = ("import _kernels", "import _native")  # to grimp an import of the package, which these are no modules of
MOST_FILES, MOST_LINES, MOST_TEST_LINES, MOST_IN_A_CIRCLE = 12, 300, 400, 3


def circles(imported: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules each of which imports every other, directly or not (Tarjan 1972), of two and more."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        open_.append(module)
        for other in imported[module]:
            if other not in number:
                visit(other)
            if other in open_:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            members = open_[open_.index(module) :]
            del open_[-len(members) :]
            found.append(set(members))

    for module in imported:
        if module not in number:
            visit(module)
    return [members for members in found if len(members) > 1]


def test_circles_are_found():
    imported = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"c"}, "e": {"a", "f"}, "f": {"e"}, "g": set()}
    assert sorted(map(sorted, circles(imported))) == [["b", "c", "d"], ["e", "f"]]


def test_no_import_circle_is_of_more_than_three_files():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)

    def is_python(module: str, other: str) -> bool:
        lines = [each["line_contents"] for each in graph.get_import_details(importer=module, imported=other)]
        return not all(line.endswith(NATIVE) for line in lines)

    imported = {
        module: {other for other in graph.find_modules_directly_imported_by(module) if is_python(module, other)}
        for module in graph.modules
    }
    assert len(imported) > 200 and sum(map(len, imported.values())) > 1000
    assert [sorted(circle) for circle in circles(imported) if len(circle) > MOST_IN_A_CIRCLE] == []


@pytest.mark.parametrize("paths", [SOURCES, TESTS], ids=["sources", "tests"])
def test_a_folder_holds_at_most_a_dozen_files(paths):
    held = Counter(
        str(path.parent.relative_to(HERE)) for path in paths if path.name not in ("__init__.py", "conftest.py")
    )
    assert len(held) > 20
    assert {folder: count for folder, count in held.items() if count > MOST_FILES} == {}


@pytest.mark.parametrize(("paths", "most"), [(SOURCES, MOST_LINES), (TESTS, MOST_TEST_LINES)], ids=["sources", "tests"])
def test_files_are_short(paths, most):
    lines = {str(path.relative_to(HERE)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > most} == {}
