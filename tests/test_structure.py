"""The shape of the house: no circle of imports has more than 3 files; floors are contracts in pyproject.toml."""

from __future__ import annotations

import grimp
import pytest

MOST = 3


@pytest.mark.parametrize("package", ["hashcore", "indexer", "jobs"])
def test_no_circle_of_imports_has_more_than_three_files(package):
    graph = grimp.build_graph(package, cache_dir=None)
    for module in graph.find_modules_that_directly_import(package):  # its native modules, or its public names
        graph.remove_import(importer=module, imported=package)
    reached = {module: graph.find_upstream_modules(module) for module in graph.modules}
    circles = {frozenset(each for each in reached[module] if module in reached.get(each, ())) for module in reached}
    assert len(reached) > 50
    assert [sorted(circle) for circle in circles if len(circle) > MOST] == []
