"""Every public function and method that takes arrays: what the property test goes through."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import indexer
from hashcore import asymmetric, codes, hamming, labels, measures, neighbors
from hashcore.evaluation import classification, ties
from hashcore.evaluation.ties import Groups
from hashcore.hashers import outcome
from hashcore.labels import Labels
from hashcore.neighbors import Neighbors
from hashcore.supervision import shared_labels
from indexer.search.shard import Shard
from indexer.shards.contents import ShardContents

MODULES = (hamming, codes, asymmetric, measures, neighbors, ties, classification, labels, shared_labels, outcome)
IS_SANITIZED = "HASHCORE_SANITIZED" in os.environ  # by faults/support/sanitized.py: torch is none of our native code
CLASSES: tuple[type, ...] = (indexer.Index,)
OF_SHARDS = (Shard, ShardContents)
"""Classes that are tried with dense and with sparse codes."""
KINDS = ("dense", "sparse")
if not IS_SANITIZED:
    from hashcore.hasher import Hasher

    CLASSES = (*CLASSES, Hasher)
FUNCTIONS = (
    indexer.build,
    indexer.build_shard,
    indexer.plan_layout,
    indexer.tasks.append_shard,
    indexer.tasks.plan_delete,
    indexer.tasks.delete_from,
    indexer.tasks.commit_delete,
)
ARRAYS = (
    "NDArray",
    "ArrayLike",
    "Codes",
    "Words",
    "Counts",
    "Floats",
    "Rows",
    "Classes",
    "Projections",
    "Labels",
    "Neighbors",
    "Ids",
)
FOLDER = tempfile.TemporaryDirectory(prefix="public-arrays-")
HOLDERS = (Neighbors, Labels, Groups)
"""Classes of arrays: each of their own is given in every form, too."""


class Case(NamedTuple):
    """A call.

    Attributes:
        call: Takes `given` by name.
        given: Right arguments; arrays, numbers and holders of arrays are given in other forms as well.
        aligned: Arrays whose number of rows another argument decides.
    """

    call: Callable[..., Any]
    given: dict[str, Any]
    aligned: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """What the arguments are made of: `items` codes and `queries` queries of `code_length` bits."""

    seed: int
    items: int
    queries: int
    code_length: int

    @cached_property
    def random(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def bits(self, rows):
        return self.random.integers(0, 2, (rows, self.code_length))

    @cached_property
    def database(self):
        return codes.pack(self.bits(self.items))

    @cached_property
    def asked(self):
        return codes.pack(self.bits(self.queries))

    @cached_property
    def ids(self):
        return self.random.permutation(3 * self.items)[: self.items].astype(np.int64)

    @cached_property
    def labels(self):
        return Labels.from_lists([[row % 3, row % 2 + 7] if row % 5 else [1] for row in range(self.items)])

    def masks(self, rows):
        return self.random.integers(0, 2**63, (rows, 2), dtype=np.uint64)

    @cached_property
    def nearest(self):
        return hamming.knn_search(self.database, self.asked, 3)

    @cached_property
    def projections(self):
        return self.random.normal(size=(self.queries, self.code_length))

    @cached_property
    def counts(self):
        return hamming.distance_histogram(self.database, self.asked, self.code_length)

    @cached_property
    def relevant(self):
        return self.counts // 2

    def new_root(self):
        return tempfile.mkdtemp(dir=FOLDER.name)

    def index(self, kind="dense", ids=None):
        layout = indexer.plan_layout(
            self.database, code_length=self.code_length, rows_per_shard=self.items, scan_below=0, kind=kind
        )
        return indexer.build(
            self.new_root(),
            self.ids if ids is None else ids,
            self.database,
            code_length=self.code_length,
            labels=self.labels,
            layout=layout,
            kind=kind,
        )

    @cached_property
    def indexes(self):
        return {kind: self.index(kind) for kind in KINDS}

    @cached_property
    def keyed(self):
        return {kind: self.index(kind, [f"key {number}" for number in self.ids]) for kind in KINDS}

    @cached_property
    def hashed(self):
        """Ids of some items of an index with keys."""
        return indexer.key_ids([f"key {number}" for number in self.ids[:2]], indexer.KeySpec(type="string"))


def public_callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield name and function of all that is public and takes arrays, or belongs to a class that holds some."""
    for module in MODULES:
        for name, thing in vars(module).items():
            is_own = getattr(thing, "__module__", None) == module.__name__ or name in getattr(module, "__all__", ())
            if name.startswith("_") or not is_own:
                continue
            if inspect.isclass(thing):
                yield from _methods(thing, name, takes_self=thing in HOLDERS)
            elif inspect.isfunction(thing) and array_parameters(thing):
                yield f"{_short(module)}.{name}", thing
    for function in FUNCTIONS:
        yield f"indexer.{function.__name__}", function
    for of in CLASSES:
        yield from _methods(of, of.__name__, takes_self=False)
    for of in OF_SHARDS:
        for kind in KINDS:
            yield from _methods(of, f"{kind} {of.__name__}", takes_self=False)


def _short(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _methods(of: type, prefix: str, *, takes_self: bool) -> Iterator[tuple[str, Callable[..., Any]]]:
    if of.__name__.startswith("_") or issubclass(of, tuple) or getattr(of, "_is_protocol", False):
        return
    for name in dir(of):
        held = inspect.getattr_static(of, name)
        method = getattr(held, "__func__", held)
        is_bound = not isinstance(held, staticmethod)
        if name.startswith("_") or not inspect.isfunction(method):
            continue
        if array_parameters(method) or (takes_self and is_bound):
            yield f"{prefix}.{name}", method


def array_parameters(function: Callable[..., Any]) -> set[str]:
    """Return the names of parameters that are arrays, or classes of arrays, by what they are annotated with."""
    named = inspect.signature(function).parameters.values()
    return {one.name for one in named if any(word in str(one.annotation) for word in ARRAYS)}


def number_parameters(function: Callable[..., Any]) -> set[str]:
    """Return the names of parameters that are whole numbers."""
    named = inspect.signature(function).parameters.values()
    return {one.name for one in named if str(one.annotation).startswith("int")}
