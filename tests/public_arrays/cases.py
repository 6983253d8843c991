"""Right arguments for every public function that takes arrays; one added without a case fails the property test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from public_arrays.callables import IS_SANITIZED, KINDS, Case, World

import indexer
from hashcore import asymmetric, codes, hamming, measures
from hashcore.evaluation import classification, ties
from hashcore.evaluation.ties import Groups
from hashcore.hashers import outcome
from hashcore.labels import Labels
from hashcore.neighbors import Neighbors
from hashcore.supervision import shared_labels

CASES: dict[str, Callable[[World], Case]] = {}


def case(name):
    """Enter a function of the world as the case of a public function."""

    def enter(made):
        CASES[name] = made
        return made

    return enter


def _search(world, **more):
    return {"database": world.database, "queries": world.asked, **more, "threads": 1}


CASES["hamming.range_search"] = lambda w: Case(hamming.range_search, _search(w, radius=w.code_length // 2))
CASES["hamming.knn_search"] = lambda w: Case(hamming.knn_search, _search(w, k=3))
CASES["hamming.distance_histogram"] = lambda w: Case(hamming.distance_histogram, _search(w, code_length=w.code_length))
CASES["outcome.ordered"] = lambda w: Case(
    outcome.ordered,
    {"database": w.database, "queries": w.database[::-1], "labels": w.labels, "code_length": w.code_length},
    ("database", "queries", "labels.offsets"),
)
CASES["outcome.measure"] = lambda w: Case(
    outcome.measure,
    {"codes": {"image": w.database}, "distinct_items": {"image": w.items}, "code_length": w.code_length}
    | {"labels": w.labels},
)
CASES["hamming.to_columns"] = lambda w: Case(hamming.to_columns, {"codes": w.database})
CASES["hamming.to_rows"] = lambda w: Case(hamming.to_rows, {"codes": w.database})


CASES["hamming.words_of"] = lambda w: Case(
    hamming.words_of, {"database": w.database, "queries": w.asked, "code_length": w.code_length}
)


@case("hamming.relevance_counts")
def _relevance_counts(world):
    given = {
        "columns": hamming.to_columns(world.database),
        "query_rows": hamming.to_rows(world.asked),
        "code_length": world.code_length,
        "item_relevance": world.masks(world.items),
        "query_relevance": world.masks(world.queries),
        "threads": 1,
    }
    return Case(hamming.relevance_counts, given, ("columns", "query_rows", "item_relevance", "query_relevance"))


def _ternary(world):
    return world.random.integers(-1, 2, (world.items, world.code_length))


CASES["codes.pack"] = lambda w: Case(codes.pack, {"bits": w.bits(w.items)})
CASES["codes.unpack"] = lambda w: Case(codes.unpack, {"codes": w.database, "code_length": w.code_length})
CASES["codes.pack_ternary"] = lambda w: Case(codes.pack_ternary, {"values": _ternary(w)})
CASES["codes.unpack_ternary"] = lambda w: Case(
    codes.unpack_ternary, {"codes": codes.pack_ternary(_ternary(w)), "dimensions": w.code_length}
)


def _scale(world):
    return np.linspace(0.5, 2, world.code_length)


CASES["asymmetric.bit_scale"] = lambda w: Case(asymmetric.bit_scale, {"projections": w.projections})
CASES["asymmetric.asymmetric_distances"] = lambda w: Case(
    asymmetric.asymmetric_distances,
    {"codes": w.database, "projection": w.projections[0], "scale": _scale(w)},
    ("projection", "scale"),
)
CASES["asymmetric.knn_search"] = lambda w: Case(
    asymmetric.knn_search,
    {"database": w.database, "projections": w.projections, "k": 2, "scale": _scale(w), "queries_at_once": 2},
    ("scale",),
)
CASES["asymmetric.rerank"] = lambda w: Case(
    asymmetric.rerank,
    {
        "neighbors": w.nearest,
        "codes": w.database[w.nearest.ids],
        "projections": w.projections,
        "scale": _scale(w),
    },
    ("codes", "projections", "scale"),
)


def _counts(world, **more):
    return {"all_counts": world.counts, "relevant_counts": world.relevant, **more}


BOTH = ("all_counts", "relevant_counts")
CASES["measures.average_precision"] = lambda w: Case(
    measures.average_precision, _counts(w, cutoff=3, denominator="retrieved"), BOTH
)
CASES["measures.precision_at"] = lambda w: Case(measures.precision_at, _counts(w, k=3), BOTH)
CASES["measures.recall_at"] = lambda w: Case(measures.recall_at, _counts(w, k=3), BOTH)
CASES["measures.precision_within"] = lambda w: Case(measures.precision_within, _counts(w, radius=2), BOTH)
CASES["measures.recall_within"] = lambda w: Case(measures.recall_within, _counts(w, radius=np.arange(3)), BOTH)
CASES["measures.f1_within"] = lambda w: Case(measures.f1_within, _counts(w, radius=np.arange(3)), BOTH)
CASES["measures.pr_curve"] = lambda w: Case(measures.pr_curve, _counts(w), BOTH)
CASES["measures.mean_precision_at"] = lambda w: Case(measures.mean_precision_at, _counts(w, ks=np.array([1, 3])), BOTH)
CASES["measures.mean"] = lambda w: Case(measures.mean, {"values": w.projections[0]})

CASES["Neighbors.checked"] = lambda w: Case(Neighbors.checked, {"self": w.nearest})
CASES["Neighbors.counts"] = lambda w: Case(Neighbors.counts, {"self": w.nearest})
CASES["Neighbors.of"] = lambda w: Case(Neighbors.of, {"self": w.nearest, "query": w.queries - 1})
CASES["Neighbors.query_numbers"] = lambda w: Case(Neighbors.query_numbers, {"self": w.nearest})
CASES["Neighbors.to_arrow"] = lambda w: Case(
    Neighbors.to_arrow, {"self": w.nearest, "query_ids": np.arange(w.queries)}, ("query_ids",)
)
CASES["Neighbors.concatenate"] = lambda w: Case(
    lambda part: Neighbors.concatenate([part, w.nearest]), {"part": w.nearest}
)
CASES["Neighbors.merge"] = lambda w: Case(
    lambda part, k, threads: Neighbors.merge([part, w.nearest], k, threads=threads),
    {"part": w.nearest, "k": 2, "threads": 1},
    ("part.offsets", "part.ids", "part.distances"),
)


def _groups(world):
    return Groups.of(world.counts, world.relevant)


CASES["Groups.of"] = lambda w: Case(Groups.of, _counts(w), BOTH)
CASES["Groups.at"] = lambda w: Case(Groups.at, {"self": _groups(w), "query": 0, "group": 1})
CASES["Groups.above"] = lambda w: Case(Groups.above, {"self": _groups(w), "cutoff": 2})
for function in (ties.hits, ties.precision_sum, ties.mean_over_hits):
    CASES[f"ties.{function.__name__}"] = lambda w, function=function: Case(
        lambda groups, taken: function(groups, taken, "expected"),
        {"groups": _groups(w), "taken": _groups(w).above(3)},
        ("taken",),
    )
CASES["ties.harmonic_difference"] = lambda w: Case(
    ties.harmonic_difference, {"start": _groups(w).items_before, "count": _groups(w).items}
)

CASES["classification.classify"] = lambda w: Case(
    classification.classify,
    {"neighbors": w.nearest, "classes": (w.nearest.ids % 3).astype(np.int32), "k": 2},
    ("classes",),
)
CASES["classification.error_rate"] = lambda w: Case(
    classification.error_rate,
    {"predicted": np.arange(w.items, dtype=np.int32), "actual": np.ones(w.items, np.int32)},
    ("predicted", "actual"),
)
CASES["classification.check_classes"] = lambda w: Case(
    classification.check_classes, {"classes": np.arange(w.items, dtype=np.int32), "name": "classes"}
)

for name, more in {
    "checked": {},
    "counts": {},
    "row_numbers": {},
    "to_arrow": {},
    "vocabulary": {},
    "of": {"row": 1},
    "slice": {"start": 1, "stop": 3},
    "take": {"rows": np.array([2, 0, 2])},
    "to_masks": {"vocabulary": np.array([1, 7, 8], np.int32)},
}.items():
    CASES[f"Labels.{name}"] = lambda w, name=name, more=more: Case(getattr(Labels, name), {"self": w.labels, **more})
CASES["Labels.concatenate"] = lambda w: Case(lambda part: Labels.concatenate([part, w.labels]), {"part": w.labels})

CASES["shared_labels.supervise"] = lambda w: Case(shared_labels.supervise, {"labels": w.labels})
CASES["shared_labels.draw_positives"] = lambda w: Case(
    lambda shared, anchors: shared_labels.draw_positives(shared, anchors, np.random.default_rng(0)),
    {"shared": shared_labels.supervise(w.labels), "anchors": shared_labels.supervise(w.labels).anchors[:4]},
)
CASES["shared_labels.share_label"] = lambda w: Case(
    shared_labels.share_label, {"labels": w.labels, "rows": np.array([3, 1, 2])}
)

ROWS_OF_AN_INDEX = ("ids", "codes", "labels.offsets")


def _layout(world):
    return indexer.plan_layout(world.database, code_length=world.code_length, rows_per_shard=world.items, scan_below=0)


def _asked(index, world):
    return index.range_search(world.database, 2), index.open_shard(0).contents.labels()


@case("indexer.build")
def _build(world):
    given = {"ids": world.ids, "codes": world.database, "labels": world.labels, "code_length": world.code_length}
    return Case(
        lambda **given: _asked(indexer.build(world.new_root(), **given), world),
        {**given, "rows_per_shard": world.items},
        ROWS_OF_AN_INDEX,
    )


@case("indexer.build_shard")
def _build_shard(world):
    given = {"ids": world.ids, "codes": world.database, "labels": world.labels, "threads": 1}
    return Case(
        lambda **given: indexer.build_shard(world.new_root(), layout=_layout(world), **given), given, ROWS_OF_AN_INDEX
    )


CASES["indexer.plan_layout"] = lambda w: Case(
    indexer.plan_layout,
    {"sample": w.database, "code_length": w.code_length, "rows_per_shard": 9, "scan_below": 0},
)


@case("Index.append")
def _append(world):
    given = {"ids": world.ids + 10**6, "codes": world.database, "labels": world.labels}
    return Case(lambda **given: _asked(world.index().append(**given), world), given, ROWS_OF_AN_INDEX)


CASES["Index.delete"] = lambda w: Case(lambda ids: _asked(w.index().delete(ids), w), {"ids": w.ids[:2]})


CASES["Index.keys"] = lambda w: Case(lambda ids: w.keyed["dense"].keys(ids).to_pylist(), {"ids": w.hashed})
for _name in ("contains", "codes", "labels_of"):
    CASES[f"Index.{_name}"] = partial(
        lambda name, w: Case(getattr(w.indexes["dense"], name), {"ids": w.ids[:2]}), _name
    )
CASES["Index.deleted_in"] = lambda w: Case(w.indexes["dense"].deleted_in, {"ids": w.ids[:1]})


def _untimed(plans):
    return [(plan.rows, plan.distinct, plan.neighbors, [(t.name, t.probes) for t in plan.tables]) for plan in plans]


def _on_index(method, ending=lambda answer: answer, **more):
    def made(world):
        call = getattr(world.indexes["dense"], method)
        return Case(lambda **given: ending(call(**given)), {"queries": world.asked, **more, "threads": 1})

    return made


CASES["Index.range_search"] = _on_index("range_search", radius=4)
CASES["Index.iter_range_search"] = _on_index("iter_range_search", list, radius=4, max_bytes=1 << 20)
CASES["Index.knn_search"] = _on_index("knn_search", k=3)
CASES["Index.explain"] = _on_index("explain", _untimed, radius=4)


def _on_shard(kind, method, ending=lambda answer: answer, **more):
    def made(world):
        call = getattr(world.indexes[kind].open_shard(0), method)
        return Case(lambda **given: ending(call(**given)), {"queries": world.asked, **more})

    return made


def _histograms_of(kind):
    def made(world):
        given = {
            "queries": world.asked,
            "query_relevance": world.masks(world.queries),
            "item_relevance": world.masks(world.items),
            "threads": 1,
        }
        return Case(world.indexes[kind].open_shard(0).contents.distance_histograms, given, tuple(given)[:3])

    return made


def _on_contents(kind, method, ending=lambda answer: answer, aligned=(), **given):
    def made(world):
        call = getattr(world.indexes[kind].open_shard(0).contents, method)
        values = {name: value(world) for name, value in given.items()}
        return Case(lambda **given: ending(call(**given)), values, aligned)

    return made


def _on_keyed(kind, method, **given):
    def made(world):
        call = getattr(world.keyed[kind].open_shard(0).contents, method)
        return Case(lambda **given: call(**given).to_pylist(), {name: value(world) for name, value in given.items()})

    return made


for kind in KINDS:
    shard, contents = f"{kind} Shard", f"{kind} ShardContents"
    CASES[f"{shard}.range_search"] = _on_shard(kind, "range_search", radius=4, threads=1, max_bytes=1 << 20)
    CASES[f"{shard}.plan_range"] = _on_shard(
        kind, "plan_range", lambda search: search.answer(slice(None), 10**6), radius=4, threads=1
    )
    CASES[f"{shard}.knn_search"] = _on_shard(kind, "knn_search", k=3, threads=1)
    CASES[f"{shard}.explain"] = _on_shard(kind, "explain", lambda plan: _untimed([plan]), radius=4, threads=1)
    CASES[f"{shard}.plan"] = _on_shard(kind, "plan", radius=4)
    CASES[f"{contents}.distance_histograms"] = _histograms_of(kind)
    CASES[f"{contents}.distances_at"] = _on_contents(
        kind,
        "distances_at",
        aligned=("queries", "places"),
        queries=lambda world: world.asked,
        places=lambda world: np.arange(world.queries) % 3,
    )
    CASES[f"{contents}.codes_of"] = _on_contents(kind, "codes_of", rows=lambda world: np.array([0, 2], np.uint32))
    CASES[f"{contents}.labels_at"] = _on_contents(kind, "labels_at", rows=lambda world: np.array([0, 2], np.uint32))
    CASES[f"{contents}.labels_of"] = _on_contents(kind, "labels_of", ids=lambda world: world.ids[:2])
    CASES[f"{contents}.find"] = _on_contents(kind, "find", ids=lambda world: world.ids[:2])
    CASES[f"{contents}.keys_at"] = _on_keyed(kind, "keys_at", rows=lambda world: np.array([0, 2], np.uint32))
    CASES[f"{contents}.keys_of"] = _on_keyed(kind, "keys_of", ids=lambda world: world.hashed)
    CASES[f"{contents}.query_rows"] = _on_contents(kind, "query_rows", queries=lambda world: world.asked)


CASES["indexer.append_shard"] = lambda w: Case(
    partial(indexer.tasks.append_shard, w.indexes["dense"].snapshot),
    {
        "ids": 3 * w.items + np.arange(w.queries),
        "codes": w.asked,
        "labels": w.labels.slice(0, w.queries),
        "threads": 1,
    },
    ("ids", "codes", "labels"),
)
CASES["indexer.plan_delete"] = lambda w: Case(
    partial(indexer.tasks.plan_delete, w.indexes["dense"].snapshot), {"ids": w.ids[:3]}
)
CASES["indexer.delete_from"] = lambda w: Case(
    partial(indexer.tasks.delete_from, w.indexes["dense"].snapshot), {"number": 0, "ids": w.ids[:3]}
)
CASES["indexer.commit_delete"] = lambda w: Case(
    lambda ids: indexer.tasks.commit_delete(w.index().snapshot, ids, {})[1], {"ids": w.ids[:3]}
)

if not IS_SANITIZED:
    import torch

    from hashcore.hasher import Hasher, Modality
    from hashcore.inputs.features import FeatureInput
    from hashcore.networks.spec import Linear, Preprocessing

    MODALITY = Modality(input=FeatureInput(dimensions=5), preprocessing=Preprocessing(), network=Linear())
    torch.manual_seed(0)
    HASHER = Hasher(12, {"features": MODALITY}, {"features": MODALITY.module(12)})
    for method in ("project", "encode"):
        CASES[f"Hasher.{method}"] = lambda w, method=method: Case(
            getattr(HASHER, method),
            {"inputs": w.random.normal(size=(w.items, 5)).astype(np.float32), "modality": "features"},
        )
