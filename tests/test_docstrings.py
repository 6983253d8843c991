"""Docstrings say what callers cannot see: the shape of every array that is taken or given, and examples that run."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import hashcore
import indexer

ARRAYS = re.compile(
    r"\b(NDArray|ndarray|ArrayLike|Codes|Words|Rows|Counts|Floats|Classes|Projections|Matrix|Values|GreyImages|Ids|Array|"
    r"Arrays|BitOrder|Tensor|Labels|ChunkedArray|ListArray|RecordBatch)\b"
)
COLUMNS = re.compile(r"\bLabels\b|\bpa\.")
STATED = re.compile(
    r"\b[Ss]hapes?\b|\b[Ss]calar\b"
    r"|\((n|q|p|t|b|m|k|rows|total|words)( [+·*−] [\w]+)?,[^()]*\)"  # (n,), (q, k), (n + 1,)
    r"|\b[Aa]s(?: for)? `\w"  # by reference: as `range_search`
)
OF_ROWS = re.compile(r"\ban? (row|item)\b|\bn rows\b|\brow i\b|\b[Oo]f the (n )?(rows|items)\b")  # a list a row
CALLED_FIRST = (
    "hashcore",
    "hashcore.codes.pack",
    "hashcore.codes.unpack",
    "hashcore.codes.pack_ternary",
    "hashcore.hamming.range_search",
    "hashcore.hamming.knn_search",
    "hashcore.hamming.distance_histogram",
    "hashcore.neighbors.Neighbors",
    "hashcore.labels.Labels",
    "hashcore.labels.Labels.from_lists",
    "hashcore.measures.average_precision",
    "hashcore.measures.precision_at",
    "hashcore.measures.precision_within",
    "hashcore.measures.recall_within",
    "hashcore.measures.mean",
    "hashcore.evaluation.measure.parse",
    "hashcore.evaluation.classification.classify",
    "hashcore.evaluation.ties.hits",
    "hashcore.training.in_process.fit",
    "hashcore.classical.lsh.fit",
    "hashcore.hasher.Hasher.encode",
    "indexer",
)
UNSTATED = {
    "hashcore.arguments.as_array": "takes and gives whatever NumPy reads",
}


def modules() -> list[str]:
    """Return the names of both packages and of all their modules."""
    return ["hashcore", "indexer"] + [
        each.name
        for package in (hashcore, indexer)
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not each.name.rpartition(".")[2].startswith("_")
    ]


def public_callables(package: str) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield name, function and docstring of each public function, method and property of a package."""
    for name in (name for name in modules() if name.partition(".")[0] == package):
        module = import_module(name)
        for label, thing in vars(module).items():
            if label.startswith("_") or getattr(thing, "__module__", None) != name:
                continue
            if inspect.isfunction(thing):
                yield f"{name}.{label}", thing, thing.__doc__ or ""
            elif inspect.isclass(thing):
                for key, held in vars(thing).items():
                    method = getattr(held, "__func__", getattr(held, "fget", getattr(held, "func", held)))
                    if not key.startswith("_") and inspect.isfunction(method):
                        yield f"{name}.{label}.{key}", method, inspect.getdoc(method) or ""


def of_arrays(function: Callable[..., Any]) -> dict[str, str]:
    """Return the annotations of parameters that are or hold arrays, and of the result as `return`."""
    kinds = {name: str(kind) for name, kind in inspect.get_annotations(function).items()}
    return {name: kind for name, kind in kinds.items() if ARRAYS.search(kind) and "Callable[" not in kind}


def states(text: str, kinds: Iterable[str]) -> bool:
    """Return whether a text states a shape, or speaks of rows where all annotations are of columns or labels."""
    return bool(STATED.search(text) or (all(map(COLUMNS.search, kinds)) and OF_ROWS.search(text)))


def descriptions(text: str) -> dict[str, str]:
    """Return what the section `Args` says of each parameter that it has."""
    section = re.search(r"^Args:\n((?: .*\n?)+)", inspect.cleandoc(text), re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1] if section else "", re.MULTILINE)
    return dict(entries)


@pytest.mark.parametrize("package", ["hashcore", "indexer"])
def test_every_public_function_of_arrays_states_their_shapes(package):
    mine = {name: (of_arrays(function), text) for name, function, text in public_callables(package)}
    assert len([name for name, (arrays, _) in mine.items() if arrays]) > 80
    silent = [name for name, (arrays, text) in mine.items() if arrays and not states(text, arrays.values())]
    silent += [
        f"{name}: {parameter}"
        for name, (arrays, text) in mine.items()
        for parameter, said in descriptions(text).items()
        if parameter in arrays and not states(said, [arrays[parameter]])
    ]
    silent = [name for name in silent if name not in UNSTATED]
    assert not silent, f"{len(silent)} state no shape: {', '.join(silent)}"


def test_a_docstring_without_a_shape_is_found():
    assert not states("Return the ids (of the shards) that are near.", ["NDArray[np.int64]"])
    assert not states("Return the ids of each row, a list a row.", ["NDArray[np.int64]"])
    assert states("Return ids, int64 of shape (n,).", ["NDArray[np.int64]"]) and states("A list a row.", ["pa.Array"])
    said = (
        "Do.\n\n    Args:\n        ids: Of items,\n            many.\n        k: Of them.\n\n    Returns:\n        0."
    )
    assert descriptions(said) == {"ids": "Of items,\n        many.", "k": "Of them."}


@pytest.mark.parametrize("name", modules())
def test_examples_give_what_they_show(name):
    failed, _ = doctest.testmod(import_module(name), extraglobs={"np": np})
    assert not failed


def test_the_functions_that_people_call_first_have_an_example():
    silent = [name for name in CALLED_FIRST if ">>>" not in (resolved(name).__doc__ or "")]
    assert not silent


def resolved(name: str) -> Any:
    """Return a module, function, class or method by its name."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        home, _, last = name.rpartition(".")
        return getattr(resolved(home), last)
