"""Mutations of an index's files, each told by its number: any value may lie, all digests are right."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from json_mutations import mutate as mutate_tree
from subjects import MAKERS, Subject, make

from indexer.generations.manifest import Manifest, read_manifest
from indexer.storage.array_file import NAMES, WITH_KEYS, WITH_NUMBERS, write_array_file
from indexer.storage.opening import open_store

WEIGHTS = {
    "plain": 2,
    "with_tables": 6,
    "of_two_words": 6,
    "crowded": 1,
    "with_lists": 6,
    "with_signatures": 8,
    "with_keys": 6,
}


class Mutations:
    """Subjects, built once, and what is done to a copy of one of them by number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[str, bool], Subject] = {}

    def apply(self, number: int) -> tuple[Subject, Path, str]:
        """Mutate a fresh copy of some subject; return the subject, the copy and what was done."""
        dice = np.random.default_rng(number)
        name = str(dice.choice(list(MAKERS), p=np.array([WEIGHTS[n] for n in MAKERS]) / sum(WEIGHTS.values())))
        subject, root = self._subject(name, bool(dice.random() < 0.4)), self.folder / "mutated"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(subject.root, root)
        kinds: list[tuple[float, Callable[..., str]]] = [
            (0.62, change_values),
            (0.10, change_arrays),
            (0.10, change_facts),
            (0.06, change_header),
            (0.06, change_tombstones),
            (0.05, change_manifest),
            (0.01, change_current),
        ]
        kind = kinds[int(dice.choice(len(kinds), p=[share for share, _ in kinds]))][1]
        return subject, root, f"{subject.name}: {kind(dice, subject, root)}"

    def _subject(self, name: str, deleted: bool) -> Subject:
        if (name, deleted) not in self._made:
            self._made[name, deleted] = make(name, self.folder / f"{name}-{deleted}", deleted)
        return self._made[name, deleted]


def odd_value(dice, array, sizes) -> int:
    """Return a value that an array's type can hold and that may lead astray."""
    info = np.iinfo(array.dtype)
    near = [size + step for size in sizes for step in (-1, 0, 1)]
    values = [0, 1, 2, info.max, info.max - 1, info.min, 253, 254, 255, 2**31, 2**31 - 1, 0xFFFFFFF0, *near]
    values += [int(dice.integers(info.min, info.max, dtype=array.dtype)), int(dice.integers(0, 300))]
    if array.size:
        values += [int(dice.choice(array.reshape(-1))) + step for step in (-1, 0, 1, 7)]
    return int(np.clip(values[int(dice.integers(len(values)))], info.min, info.max))


def change_values(dice, subject, root) -> str:
    """Change values of one array, of two of one type, or of two arrays."""
    arrays, done = copy.deepcopy(subject.arrays), []
    for _ in range(1 if dice.random() < 0.8 else 2):
        name = str(dice.choice([name for name, array in arrays.items() if array.size]))
        arrays[name], what = changed(dice, arrays, name)
        done.append(f"{name}: {what}")
    put(dice, subject, root, arrays, subject.facts)
    return "; ".join(done)


def changed(dice, arrays, name):
    """Return an array with other values, and what was done."""
    array = arrays[name].copy()
    flat, sizes = array.reshape(-1), (arrays["codes"].shape[1], len(arrays["ids"]))
    start = int(dice.integers(len(flat)))
    stop = min(start + 1 + int(dice.integers(len(flat))), len(flat))
    step = int(dice.integers(12))
    if step < 5:
        value = odd_value(dice, flat, sizes)
        flat[start] = value
        return array, f"[{start}] = {value}"
    if step == 5:
        value = odd_value(dice, flat, sizes)
        flat[start:stop] = value
        return array, f"[{start}:{stop}] = {value}"
    if step == 6:
        bit = int(dice.integers(8 * flat.itemsize))
        flat.view(np.uint8)[start * flat.itemsize + bit // 8] ^= 1 << bit % 8
        return array, f"bit {bit} of [{start}]"
    if step == 7:
        flat[start:stop] = dice.permutation(flat[start:stop])
        return array, f"[{start}:{stop}] permuted"
    if step == 8:
        flat[start:stop] = np.roll(flat[start:stop], 1)
        return array, f"[{start}:{stop}] rolled"
    if step == 9:
        info = np.iinfo(flat.dtype)
        flat[start:stop] = dice.integers(info.min, info.max, stop - start, flat.dtype, endpoint=True)
        return array, f"[{start}:{stop}] random"
    if step == 10:
        other = int(dice.integers(len(flat)))
        flat[[start, other]] = flat[[other, start]]
        return array, f"[{start}] and [{other}] exchanged"
    same = [key for key, value in arrays.items() if value.dtype == array.dtype and value.size]
    other = str(dice.choice(same))
    array[...] = np.resize(arrays[other], array.shape)
    return array, f"those of {other}"


def change_arrays(dice, subject, root) -> str:
    """Drop, add, lengthen, shorten, reshape or rename an array, or change its type."""
    arrays = copy.deepcopy(subject.arrays)
    name = str(dice.choice(list(arrays)))
    array, step = arrays[name], int(dice.integers(7))
    more = int(dice.choice([1, 7, len(array.reshape(-1))]))
    if step == 0:
        del arrays[name]
    elif step == 1:
        arrays[str(dice.choice(["zz", "table9.offsets", "lists.bytes", "row_offsets", "label_values"]))] = array.copy()
    elif step == 2:
        arrays[name] = np.concatenate([array, array[..., :more]], axis=-1)
    elif step == 3:
        arrays[name] = np.ascontiguousarray(array[..., : max(array.shape[-1] - more, 0)])
    elif step == 4:
        arrays[name] = array.reshape(1, -1) if array.ndim == 1 else array.reshape(-1)
    elif step == 5:
        arrays[name] = array.astype(dice.choice(list(NAMES)))
    else:  # all that number rows or codes are shortened alike
        by = {array.shape[-1], len(arrays["ids"]), arrays["codes"].shape[1]}
        cut = {key: value[..., :-more] if value.shape[-1] in by else value for key, value in arrays.items()}
        arrays = {key: np.ascontiguousarray(value) for key, value in cut.items()}
    facts = copy.deepcopy(subject.facts)
    if dice.random() < 0.7 and "ids" in arrays and arrays["ids"].ndim == 1:
        facts["rows"] = len(arrays["ids"])
    put(dice, subject, root, arrays, facts)
    return f"{name} by way {step}, {more}"


def change_facts(dice, subject, root) -> str:
    """Change the facts beside the arrays, mostly the layout."""
    facts = copy.deepcopy(subject.facts)
    target: Any = facts["layout"] if dice.random() < 0.75 else facts
    if dice.random() < 0.3 and facts["layout"]["substrings"] + facts["layout"]["blocks"]:
        pieces = facts["layout"]["substrings"] or facts["layout"]["blocks"]
        target = pieces[int(dice.integers(len(pieces)))]
    arrays = subject.arrays
    if dice.random() < 0.3:
        arrays = refitted(dice, subject.arrays, facts["layout"])
    else:
        mutate_tree(target, random.Random(int(dice.integers(2**32))))
    put(dice, subject, root, arrays, facts)
    return f"facts {json.dumps(facts)[:2000]}"


def refitted(dice, arrays, layout):
    """Move the pieces of a layout, and return arrays of the lengths that these have."""
    arrays, pieces = dict(arrays), layout["substrings"] or layout["blocks"]
    for piece in pieces if dice.random() < 0.7 else pieces[:1]:
        for key in piece:
            piece[key] = max(piece[key] + int(dice.choice([0, 0, -1, 1, 10, 10**8, 2**45, -200])), 0)
    if dice.random() < 0.3:
        pieces.reverse()
    if dice.random() < 0.2:
        pieces.extend(copy.deepcopy(pieces) * 2)
    count, name = arrays["codes"].shape[1], "table" if layout["substrings"] else "block"
    for number, piece in enumerate(pieces):
        if piece["bits"] <= 16:
            spread = np.linspace(0, count, 2 ** piece["bits"] + 1).astype(np.uint32)
            arrays[f"{name}{number}.offsets"] = spread
        if number > 0 or name == "block":
            arrays.setdefault(f"{name}{number}.positions", np.arange(count, dtype=np.uint32))
            arrays.setdefault(f"{name}{number}.words", np.zeros(count, np.uint64))
    return arrays


def change_header(dice, subject, root) -> str:
    """Change anything in the header."""
    path = root / "changed"
    write_array_file(path, subject.arrays, subject.facts, version=version_of(subject))
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    mutate_tree(header, random.Random(int(dice.integers(2**32))))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    place(dice, subject, root, path, hashlib.sha256(text).hexdigest(), subject.arrays, subject.facts)
    return f"header {text[:2000]!r}"


def change_tombstones(dice, subject, root) -> str:
    """Give the shard other deleted rows."""
    rows = np.arange(0, len(subject.arrays["ids"]), 3, np.uint32) if subject.tombstones is None else subject.tombstones
    rows, arrays = rows.copy(), {"rows": rows}
    step, what = int(dice.integers(6)), "as they are"
    if step < 4:
        arrays["rows"], what = changed(dice, {**subject.arrays, "rows": rows}, "rows")
    elif step == 4:
        arrays["rows"] = rows.astype(np.int64)
    else:
        arrays["others"] = rows
    manifest = read_manifest(open_store(str(root)))
    entry = manifest.shards[0]
    facts: dict[str, Any] = {"shard": entry.digest}
    if dice.random() < 0.3:
        mutate_tree(facts, random.Random(int(dice.integers(2**32))))
    path = root / "changed"
    digest = write_array_file(path, arrays, facts, "hashcore-tombstones")
    (root / "tombstones").mkdir(exist_ok=True)
    path.rename(root / "tombstones" / f"{digest}.safetensors")
    more = 0 if dice.random() < 0.8 else int(dice.integers(-2, 3))
    changes: dict[str, Any] = {"tombstones": digest, "deleted": max(len(arrays["rows"]) + more, 1)}
    if dice.random() < 0.2:
        changes["rows"] = int(dice.choice([entry.rows + 1, 2**32 - 1, 2**40, 1]))
    put_manifest(root, manifest, manifest.shards[0].model_copy(update=changes))
    return f"tombstones {what} by way {step}, {changes}, facts {facts}"


def change_manifest(dice, subject, root) -> str:
    """Change the current manifest; its checksum is right where it parses."""
    path = sorted((root / "manifests").iterdir())[-1]
    tree = json.loads(path.read_text())
    for _ in range(int(dice.integers(1, 3))):
        target = tree["shards"][0] if dice.random() < 0.4 and isinstance(tree.get("shards"), list) else tree
        mutate_tree(target, random.Random(int(dice.integers(2**32))))
    content = json.dumps(tree).encode()
    try:
        manifest = Manifest.model_validate_json(content)
        content = manifest.content()
        if dice.random() < 0.8:
            (root / "CURRENT").write_text(f"{manifest.generation} {manifest.writer}\n")
            path = path.with_name(f"{manifest.generation:08d}.json") if manifest.generation < 10**18 else path
    except ValueError:
        pass
    path.write_bytes(content)
    return f"manifest {content[:3000]!r}"


def change_current(dice, subject, root) -> str:
    """Change CURRENT."""
    content = bytearray((root / "CURRENT").read_bytes())
    content[int(dice.integers(len(content)))] = int(dice.integers(256))
    (root / "CURRENT").write_bytes(bytes(content))
    return f"CURRENT {bytes(content)!r}"


def version_of(subject) -> int:
    """Return the version of a subject's shards."""
    return WITH_KEYS if "keys" in subject.facts else WITH_NUMBERS


def put(dice, subject, root, arrays, facts) -> None:
    """Write a shard in place of the first one."""
    path = root / "changed"
    digest = write_array_file(path, arrays, facts, version=version_of(subject))
    place(dice, subject, root, path, digest, arrays, facts)


def place(dice, subject, root, path, digest, arrays, facts) -> None:
    """Give a written shard its name, and mostly a manifest that says what it holds."""
    manifest = read_manifest(open_store(str(root)))
    entry = manifest.shards[0]
    changes: dict[str, Any] = {"digest": digest, "bytes": path.stat().st_size}
    path.rename(root / "shards" / f"{digest}.safetensors")
    if isinstance(facts.get("rows"), int) and facts["rows"] >= entry.deleted and dice.random() < 0.9:
        changes["rows"] = facts["rows"]
    if "codes" in arrays and arrays["codes"].ndim == 2:
        changes["distinct"] = arrays["codes"].shape[1]
    if entry.tombstones is not None:
        changes["tombstones"] = write_array_file(
            path, {"rows": subject.tombstones}, {"shard": digest}, "hashcore-tombstones"
        )
        path.rename(root / "tombstones" / f"{changes['tombstones']}.safetensors")
    put_manifest(root, manifest, entry.model_copy(update=changes))


def put_manifest(root, manifest, entry) -> None:
    """Write the current manifest with another first shard."""
    changed = manifest.model_copy(update={"shards": (entry, *manifest.shards[1:])})
    (root / "manifests" / f"{manifest.generation:08d}.json").write_bytes(changed.content())
