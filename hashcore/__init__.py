"""Learned binary codes: hashers that make them, kernels that compare them, measures that judge them.

| | |
|---|---|
| `pack(bits)`, `unpack(codes, code_length)` | bits to packed codes and back: uint8, shape (n, ceil(code_length / 8)) |
| `Hasher.load(uri).encode(items, modality)` | the codes of items, by a trained hasher |
| `fit(items, labels, config)` | train a hasher in this process, by the losses and networks of five papers |
| `hashcore.classical` | hashers that are computed rather than trained: `lsh`, `pcah`, `sh`, `itq`, `itq_cca` … |
| `hashcore.hamming` | exact range and k-NN search by a scan, and counts at each distance |
| `hashcore.measures` | average precision and others, from counts at each distance, exact over the orders of ties |

`indexer` searches more codes than fit into memory; `jobs` does all of it on Spark and Ray.

>>> import numpy as np, hashcore
>>> hashcore.pack(np.array([[1, 0, 0, 0, 0, 0, 0, 1]])).tolist()
[[129]]
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from hashcore.codes import pack, unpack

if TYPE_CHECKING:
    from hashcore.hasher import Hasher
    from hashcore.training import fit

__all__ = ["Hasher", "__version__", "fit", "pack", "unpack"]

_NEED_TORCH = {"Hasher": "hashcore.hasher", "fit": "hashcore.training"}

try:
    __version__ = version("hashcore")
except PackageNotFoundError:  # run from its source
    __version__ = "unknown"


def __getattr__(name: str) -> Any:
    """Return a name that needs torch, which is loaded by the first one that asks for it."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hashcore.errors import require

    require("torch", "train")
    return getattr(import_module(_NEED_TORCH[name]), name)


def __dir__() -> list[str]:
    """Return the names of the package, those that need torch too."""
    return sorted({*globals(), *_NEED_TORCH})
