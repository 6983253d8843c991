"""Runs Python with native modules that tell every access outside an array (AddressSanitizer).

`python sanitized.py FOLDER ARGUMENT …` runs `python ARGUMENT …` so that `import sanitized`, or `pytest -p sanitized`,
puts the modules of FOLDER in place of the usual ones. `make build/sanitized/made` builds them.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

MODULES = ("hashcore._kernels", "indexer._native")
FOLDER = "HASHCORE_SANITIZED"
OPTIONS = "detect_leaks=0:allocator_may_return_null=1:hard_rss_limit_mb=4096:max_allocation_size_mb=3072"


def environment(folder: str) -> dict[str, str]:
    """Return the environment of a process that uses the modules of a folder."""
    libraries = [_library(name) for name in ("libasan.so", "libstdc++.so")]  # that of C++ throws, which is watched
    here = Path(__file__).parent
    paths = [str(here), str(here.parents[1] / "support"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        FOLDER: folder,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": OPTIONS,
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _library(name: str) -> str:
    """Return the path of a library of the compiler."""
    compiler = os.environ.get("CXX", "c++")
    return subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def load(folder: str) -> None:
    """Load the modules of a folder, before anything imports the usual ones."""
    for name in MODULES:
        assert name not in sys.modules, f"{name} is loaded already"
        (path,) = Path(folder).glob(f"{name.split('.')[1]}.*so")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


if __name__ == "__main__":
    os.execve(sys.executable, [sys.executable, *sys.argv[2:]], environment(str(Path(sys.argv[1]).resolve())))
elif FOLDER in os.environ and "asan" in os.environ.get("LD_PRELOAD", ""):
    load(os.environ[FOLDER])
