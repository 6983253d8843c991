"""Show what this machine has for the work, and what to install where something is missing."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, requires, version

from hashcore.machine.limits import cores, memory_bytes
from jobs.engine.java import MIN_JAVA, java_version

DISTRIBUTION = "hashcore"
GIB = 1 << 30
APART = {"petastorm": "make .venv-petastorm/installed"}  # extras that stand beside no other
REQUIREMENT = re.compile(r"""([\w.-]+).*;\s*extra\s*==\s*["'](\w+)["']""")  # torch>=2.4; extra == "train"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore doctor`."""
    command.add_argument("--root", metavar="DIR_OR_URI", help="a place for an index: can two writers share it safely?")


def run(given: argparse.Namespace) -> None:
    """Print one line per finding.

    Raises:
        HashcoreError: If a place is named and cannot hold an index, after all was printed.
    """
    for name, finding in {**machine(), **programs(), **libraries()}.items():
        print(f"{name:<12} {finding}")
    if given.root is not None:
        print(f"{'root':<12} {storage(given.root)}")


def storage(root: str) -> str:
    """Return that a place can hold an index that several writers change.

    Raises:
        StorageError: If it cannot: it is not there, may not be written, or does not keep writers apart.
    """
    import indexer

    indexer.open_store(root).check_swaps()
    return f"{root} keeps writers apart: an index there may be changed by several at once"


def machine() -> dict[str, str]:
    """Return what the machine offers."""
    return {
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "cores": str(cores()),
        "memory": f"{memory_bytes() / GIB:.1f} GiB",
        "disk": f"{shutil.disk_usage('.').free / GIB:.1f} GiB free here",
        "kernels": _kernels(),
        "gpu": _gpus(),
    }


def _kernels() -> str:
    """Return the instruction set that the kernels chose, and those that they could."""
    try:
        from hashcore import hamming
    except ImportError as error:
        return f"not built ({error}); type: pip install -e ."
    return f"{hamming.isa()} of {', '.join(hamming.available_isas())}; HASHCORE_ISA forces one"


def _gpus() -> str:
    """Return the GPUs that networks can be trained and run on, and what to install where torch cannot reach one."""
    try:
        import torch
    except ImportError:
        return "none can be used: torch is not installed"
    count = torch.cuda.device_count()
    if count:
        names = ", ".join(dict.fromkeys(map(torch.cuda.get_device_name, range(count))))
        return f"{count} × {names}; train.gpu and encode.gpus use them"
    if shutil.which("nvidia-smi"):
        return (
            f"torch {torch.__version__} reaches none, though an NVIDIA driver is here; install a torch built for CUDA"
        )
    return "none; networks are trained and run on the cores"


def programs() -> dict[str, str]:
    """Return what was found of the programs beside Python."""
    java = java_version()
    good = java is not None and java >= MIN_JAVA
    return {
        "python": platform.python_version(),
        "java": str(java) if good else f"{java or 'missing'}; Spark needs {MIN_JAVA} or newer: install openjdk",
        "compiler": _compiler() or "missing; needed to build from source: install g++ or clang++",
    }


def _compiler() -> str | None:
    """Return the first line that the C++ compiler says of itself."""
    for name in filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++")):
        if shutil.which(name):
            output = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
            return output.partition("\n")[0]
    return None


def libraries() -> dict[str, str]:
    """Return the versions of what each extra brings, and the command that installs what is missing."""
    own = _version(DISTRIBUTION)
    if own is None:
        return {DISTRIBUTION: "not installed, run from its source; type: pip install -e '.[train,spark,report]'"}
    lines = {DISTRIBUTION: own}
    for extra, parts in extras().items():
        missing = [part for part in parts if _version(part) is None]
        found = ", ".join(f"{part} {_version(part)}" for part in parts if part not in missing)
        command = APART.get(extra, f"pip install 'hashcore[{extra}]'")
        lack = f"missing {', '.join(missing)}; type: {command}" if missing else ""
        lines[f"[{extra}]"] = "; ".join(filter(None, (found, lack)))
    return lines


def extras() -> dict[str, list[str]]:
    """Return the names of the distributions that each extra of the installed package asks for."""
    wanted: dict[str, list[str]] = {}
    for line in requires(DISTRIBUTION) or ():
        found = REQUIREMENT.match(line)
        if found:
            wanted.setdefault(found.group(2), []).append(found.group(1))
    return wanted


def _version(name: str) -> str | None:
    """Return the version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
