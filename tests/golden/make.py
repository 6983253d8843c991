"""Writes the golden files of one version of the format: `PYTHONPATH=tests/golden python tests/golden/make.py VERSION`.

They are written once, by the code of that version, and never again: `v1` by the last commit whose manifests were of
version 1 (8083d0d), `v2` by f58f59c, `v3` by this one. Today's reader must read them, and today's writer must still
write their shards.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import indexer
from hashcore.codes import pack
from hashcore.labels import Labels
from indexer.generations.manifest import Manifest

HERE = Path(__file__).parent
ROWS, SHARD = 300, 160  # of the build, in two shards
MORE, GONE = 40, 7  # appended; every GONE-th id is deleted
KINDS = {
    "dense-12": (12, "dense", {}),
    "dense-64": (64, "dense", {"scan_below": 50}),
    "dense-128": (128, "dense", {"scan_below": 50}),
    "sparse-200": (200, "sparse", {"scan_below": 50, "signatures": True}),
    "ternary-48": (48, "ternary", {"scan_below": 50}),
}
OF_VERSION_1 = ("dense-12", "dense-64", "dense-128")
WITH_KEYS = {"keys-64": (64, "dense", {"scan_below": 50})}  # of version 3
VOCABULARY = ["cat", "dog", "sea", "sky", "ключ"]


def rows(code_length: int, kind: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    """Draw ids, codes with duplicates and near-duplicates, and labels."""
    rng = np.random.default_rng([seed, code_length])
    share = 0.5 if kind == "dense" else 0.05
    centres = rng.random((count // 3, code_length)) < share
    bits = centres[rng.integers(0, len(centres), count)] ^ (rng.random((count, code_length)) < 0.02 * share)
    if kind == "ternary":
        half = code_length // 2
        bits[:, half:] &= ~bits[:, :half]
    ids = (rng.permutation(count) + 10_000 * seed) * 3
    return ids.astype(np.int64), pack(bits), [sorted({int(x) for x in rng.integers(0, 5, n % 3)}) for n in range(count)]


def keys_of(ids: np.ndarray) -> np.ndarray:
    """Return texts of several lengths, one for each id."""
    return np.array([f"{'ключ/' * (number % 5)}{number}" for number in ids.tolist()])


def make(root: Path, name: str) -> None:
    """Write an index, its history, and beside it the rows that it holds."""
    code_length, kind, options = (KINDS | WITH_KEYS)[name]
    ids, codes, labels = rows(code_length, kind, ROWS, 1)
    more_ids, more_codes, more_labels = rows(code_length, kind, MORE, 2)
    spec = indexer.KeySpec(type="string", seed=7) if name in WITH_KEYS else None
    keyed = {} if spec is None else {"keys": spec}
    named = {} if spec is None else {"vocabulary": VOCABULARY}
    if spec is not None:
        ids, more_ids = keys_of(ids), keys_of(more_ids)
    layout = indexer.plan_layout(codes, code_length=code_length, rows_per_shard=SHARD, kind=kind, **options)
    entries = [
        indexer.build_shard(
            str(root), ids[part], codes[part], Labels.from_lists(labels[part]), layout=layout, threads=1, **keyed
        )
        for part in (slice(0, SHARD), slice(SHARD, ROWS))
    ]
    index = indexer.commit(
        str(root), entries, layout=layout, kind=kind, hasher_fingerprint="golden", provenance={"made": "by hand"},
        **keyed, **named,
    )  # fmt: skip
    if hasattr(index, "append"):
        index.append(more_ids, more_codes, Labels.from_lists(more_labels))
        index.delete(ids[::GONE])
    counts = np.array([len(each) for each in labels + more_labels])
    values = np.array([value for each in labels + more_labels for value in each], np.int32)
    held = np.concatenate([ids, more_ids])
    numbers = {"ids": held} if spec is None else {"ids": indexer.key_ids(held, spec), "keys": held}
    np.savez(
        root / "rows.npz", **numbers, codes=np.concatenate([codes, more_codes]),
        label_counts=counts, label_values=values,
    )  # fmt: skip
    for left in ("tmp/lock", "tmp"):
        path = root / left
        if path.is_dir():
            path.rmdir()
        elif path.exists():
            path.unlink()


if __name__ == "__main__":
    version = int(sys.argv[1])
    written = 3 if hasattr(indexer, "KeySpec") else Manifest.model_fields["format_version"].default
    assert written == version, "check out the commit that writes that version"
    for chosen in {1: OF_VERSION_1, 2: KINDS, 3: WITH_KEYS}[version]:
        make(HERE / f"v{version}" / chosen, chosen)
    if version == 2:
        from others import make_codes, make_hashers

        make_codes(HERE / f"v{version}" / "codes")
        make_hashers(HERE / f"v{version}")
    if version == 3:
        from others import make_image_hashers

        make_image_hashers(HERE / f"v{version}")
