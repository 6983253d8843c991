"""Hashers of every network, and what strangers might make of their files; run as a program, it loads many of these.

`python …/hostile_hashers.py FOLDER` loads each hasher in a folder and prints, by its name, the error and
seconds. `python …/hostile_hashers.py FOLDER FIRST LAST` loads as many mutations of each hasher as there are
numbers, and prints outcomes counted, seconds of the slowest, and whatever was neither loaded nor refused in one line.
Both take no more than 1 GiB beside the memory that they begin with.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import subprocess
import sys
import time
from collections import Counter
from copy import deepcopy
from pathlib import Path

import torch

from hashcore.errors import HashcoreError
from hashcore.hasher import Hasher, Modality
from hashcore.hashers import directory
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.inputs.tags import TagInput
from hashcore.networks.spec import Convolutional, Cosine, Identity, Ista, Linear, Mlp, Nin, Preprocessing, Residual

MORE_BYTES = 1 << 30
FEATURES, IMAGE = FeatureInput(dimensions=12), ImageInput(height=12, width=12, channels=3)
TAGS = TagInput(dimensions=12, vocabulary=("a", "b"))
READ = {
    "linear": (FEATURES, Linear(bounded=True)),
    "cosine": (FEATURES, Cosine()),
    "mlp": (FEATURES, Mlp(hidden=(7, 6), dropout=0.5)),
    "ista": (FEATURES, Ista(iterations=2)),
    "identity": (TAGS, Identity()),
    "nin": (IMAGE, Nin(widths=(4, 5, 6, 7), features_per_bit=3)),
    "nin full": (IMAGE, Nin(widths=(4, 5, 6, 7), features_per_bit=3, encoder="full")),
    "convolutional": (IMAGE, Convolutional(channels=(4, 8), hidden=(5,))),
    "residual": (IMAGE, Residual(channels=(4, 8), bounded=True)),
}
ODD = (0, 1, -1, 2**31, 2**40, 2**63, 10**400, 1e300, 0.5, float("nan"), float("inf"), None, True, [], {}, "", "ab")
ODDER = ([[]], [10**9], [1] * 100_000, {"": {}}, "\ud800", "a\nb", "os:system", "own", "mlp", "nin", "image", "F64")


def made(name: str) -> Hasher:
    """Return a hasher of 12 bits with random weights."""
    described, network = READ[name]
    reads = Modality(input=described, preprocessing=Preprocessing(), network=network)
    torch.manual_seed(0)
    return Hasher(12, {"x": reads}, {"x": reads.module(12)})


def mutate(tree: object, dice: random.Random) -> None:
    """Replace or remove one value somewhere in a tree, or add one."""
    nodes = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    if not nodes:
        return
    key = dice.choice(list(nodes))
    value = tree[key]
    if isinstance(value, (dict, list)) and value and dice.random() < 0.85:
        mutate(value, dice)
    elif isinstance(value, int) and dice.random() < 0.4:
        tree[key] = value + dice.choice((-8, -1, 1, 8, 10**9))
    elif isinstance(tree, list) and dice.random() < 0.3:
        tree.append(deepcopy(value))
    elif isinstance(tree, dict) and dice.random() < 0.2:
        tree[dice.choice(("x", "bounded", "hidden", "more"))] = tree.pop(key)
    else:
        tree[key] = deepcopy(dice.choice(ODD if dice.random() < 0.7 else ODDER))


def mutated(description: bytes, weights: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    """Return the two files with some values of the description, or of the header of the weights, changed."""
    if dice.random() < 0.7:
        tree = json.loads(description)
        for _ in range(dice.choice((1, 1, 2, 4))):
            mutate(tree["modalities"] if dice.random() < 0.8 and tree.get("modalities") else tree, dice)
        return json.dumps(tree).encode(), weights
    length = struct.unpack("<Q", weights[:8])[0]
    tree = json.loads(weights[8 : 8 + length])
    mutate(tree, dice)
    header = json.dumps(tree).encode()
    return description, struct.pack("<Q", len(header)) + header + weights[8 + length :]


def outcome(folder: Path) -> str:
    """Load a hasher, and return how that ended; what is neither loaded nor refused in one line begins with `bad`."""
    try:
        Hasher.load(str(folder))
    except HashcoreError as error:
        text = str(error)
        good = len(text.splitlines()) == 1 and "memory" not in text  # which torch says when it gets none
        return type(error).__name__ if good else f"bad {text}"
    except Exception as error:
        return f"bad {error!r}"
    return "loaded"


def bound_memory() -> None:
    """Let this process take no more than 1 GiB beside what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE_BYTES,) * 2)


def load_each(folder: Path) -> None:
    """Load every hasher of a folder and print what came of each."""
    found = {}
    bound_memory()
    for each in folder.iterdir():
        began_s = time.monotonic()
        try:
            Hasher.load(str(each))
            text = "loaded"
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        found[each.name] = text, time.monotonic() - began_s
    print(json.dumps(found))


def load_mutations(folder: Path, first: int, last: int) -> None:
    """Load mutations of every hasher and print what came of them."""
    files = {}
    for name in READ:
        made(name).save(str(folder))
        files[name] = tuple((folder / part).read_bytes() for part in ("hasher.json", "weights.safetensors"))
    bound_memory()
    check, counts, slowest, bad = directory.check_fingerprint, Counter(), 0.0, []
    for number in range(first, last):
        for name, held in files.items():
            dice = random.Random(f"{number} {name}")
            for part, content in zip(("hasher.json", "weights.safetensors"), mutated(*held, dice), strict=True):
                (folder / part).write_bytes(content)
            right = dice.random() < 0.5  # whoever changes a file can write the fingerprint that fits
            directory.check_fingerprint = (lambda *_given, **_named: None) if right else check
            began_s = time.monotonic()
            found = outcome(folder)
            slowest = max(slowest, time.monotonic() - began_s)
            counts[found.split()[0]] += 1
            if found.startswith("bad"):
                bad.append(f"{number} {name}: {found}")
    print(json.dumps({"counts": counts, "slowest_s": slowest, "bad": bad[:20]}))


def run(*arguments: object) -> dict:
    """Run this file as a program, and return what it prints."""
    words = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=3600)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        load_mutations(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    else:
        load_each(Path(sys.argv[1]))
