"""The indexes whose files are mutated: one of each kind of shard, with a small one beside it that stays as it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import indexer
from hashcore import codes as packed
from hashcore.labels import Labels
from indexer.storage.array_file import ArrayFile
from indexer.structures.layout import Layout
from indexer.structures.tables import Substring

QUERIES = 12
DELETED = 7  # every so many items, where some are


@dataclass
class Subject:
    """An index on disk, and the arrays and facts of the shard that is mutated."""

    name: str
    root: Path
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    tombstones: np.ndarray | None
    queries: np.ndarray


def dense_bits(dice, count, length, spread=0.5):
    return (dice.random((count, length)) < spread).astype(np.uint8)


def plain(dice):
    """Codes of 20 bits without tables."""
    return np.arange(300), packed.pack(dense_bits(dice, 300, 20)), None, None, "dense"


def with_tables(dice):
    """Codes of 64 bits in three tables."""
    cuts = tuple(Substring(word=0, shift=64 - 9 * (j + 1), bits=9) for j in range(3))
    layout = Layout(code_length=64, bit_order=tuple(range(64)), substrings=cuts, scan_below=0)
    return np.arange(10**9, 10**9 + 600), packed.pack(dense_bits(dice, 600, 64)), None, layout, "dense"


def of_two_words(dice):
    """Codes of 100 bits, some of several items, with labels and ids of 64 bits."""
    code = packed.pack(dense_bits(dice, 250, 100))[dice.integers(0, 250, 500)]
    ids = dice.permutation(500).astype(np.int64) * 2**40 - 2**48
    layout = indexer.plan_layout(code, code_length=100, rows_per_shard=2**9, scan_below=0)
    order = tuple(int(bit) for bit in dice.permutation(100))
    labels = Labels.from_lists([[i % 3] * (i % 4) for i in range(500)])
    return ids, code, labels, layout.model_copy(update={"bit_order": order}), "dense"


def crowded(dice):
    """Few codes, each of thousands of items: their neighbors are put in order by their places."""
    code = packed.pack(dense_bits(dice, 4, 64))[dice.integers(0, 4, 9_000)]
    return np.arange(9_000), code, None, None, "dense"


def with_lists(dice):
    """Ternary codes with fold table and inverted lists."""
    values = (dice.random((500, 70)) < 0.05) * dice.choice([-1, 1], (500, 70))
    code = packed.pack_ternary(values)
    layout = indexer.plan_layout(code, code_length=140, rows_per_shard=500, scan_below=0, kind="ternary")
    return np.arange(500), code, None, layout.model_copy(update={"lists": True}), "ternary"


def with_signatures(dice):
    """Sparse codes with fold table, lists and block signatures; a frequent bit has its list as a bit a code."""
    bits = dense_bits(dice, 600, 200, 0.03)
    bits[:, 5] = dice.random(600) < 0.7
    code = packed.pack(bits)
    layout = indexer.plan_layout(
        code, code_length=200, rows_per_shard=600, scan_below=0, kind="sparse", signatures=True
    ).model_copy(update={"lists": True})
    return dice.permutation(600), code, Labels.from_lists([[i] for i in range(600)]), layout, "sparse"


def with_keys(dice):
    """Codes of 64 bits, some of several items, which have texts for keys."""
    code = packed.pack(dense_bits(dice, 200, 64))[dice.integers(0, 200, 400)]
    keys = np.array([f"ключ {number}" * (number % 4) + chr(0x100 + number) for number in range(400)], object)
    return keys, code, None, None, "dense"


MADE = plain, with_tables, of_two_words, crowded, with_lists, with_signatures, with_keys
MAKERS = {made.__name__: made for made in MADE}


def make(name: str, root: Path, deleted: bool) -> Subject:
    """Build a subject: a shard of its kind, and one of 20 more items."""
    dice = np.random.default_rng(len(name))
    ids, code, labels, layout, kind = MAKERS[name](dice)
    length = layout.code_length if layout else (20 if name == "plain" else 64)
    shutil.rmtree(root, ignore_errors=True)
    index = indexer.build(root.as_posix(), ids, code, code_length=length, labels=labels, layout=layout, kind=kind)
    more = np.array([f"more {n}" for n in range(20)], object) if name == "with_keys" else ids.max() + 5 + np.arange(20)
    index.append(more, code[:20], None if labels is None else Labels.from_lists([[1]] * 20))
    if deleted:
        index.delete(ids[::DELETED])
    shard = ArrayFile(root / index.shards[0].name)
    arrays = {key: np.array(array) for key, array in shard.arrays.items()}
    facts = {key: value for key, value in shard.facts.items() if key != "sha256"}
    bits = packed.unpack(code[dice.integers(0, len(code), QUERIES)], length)
    bits ^= dice.random(bits.shape) < np.linspace(0, 0.1, QUERIES)[:, None]
    name_of = index.shards[0].tombstones_name
    tombstones = (
        None if name_of is None else np.array(ArrayFile(root / name_of, kind="hashcore-tombstones").arrays["rows"])
    )
    return Subject(f"{name}{' with tombstones' * deleted}", root, arrays, facts, tombstones, packed.pack(bits))
