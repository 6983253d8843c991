"""Training networks of rows on a machine that has a GPU and not the data: what is learned from is packed into one file.

    python -m jobs.research.papers.elsewhere pack items.npz --config conf/papers/dnnh-cifar10-dem.yaml
    python -m jobs.research.papers.elsewhere train items.npz hashers --device cuda
    hashcore reproduce --config conf/papers/dnnh-cifar10-dem.yaml --set not_run=null --hashers hashers

The second command runs there, and needs neither data nor native modules; the others run where the data is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import ConfigError, HashcoreError, InvalidInputError, OutputError, brief
from hashcore.labels import Labels
from hashcore.training import fit
from hashcore.training.config import TrainingConfig
from jobs.research.papers import kept

if TYPE_CHECKING:
    from hashcore.hasher import Hasher


def pack(file: str, configs: Sequence[str], overrides: Sequence[str], root: str) -> None:
    """Write the training items of rows, which must all be the same, and how each code length is learned.

    Raises:
        ConfigError: If a file is no row, a row trains no network, or rows learn from different items.
        OutputError: If the file cannot be written.
    """
    from jobs.research.papers import data
    from jobs.research.papers import row as rows

    chosen = {Path(path).stem: rows.load(path, overrides) for path in configs}
    sources = {row.data.model_dump_json() for row in chosen.values()}
    if len(sources) > 1:
        raise ConfigError("--config: the rows learn from different items; pack them into a file each")
    trainings = {}
    for name, row in chosen.items():
        if row.learn.method != "network":
            raise ConfigError(f"{name}: learn.method={row.learn.method} trains no network; run it where the data is")
        for bits in row.lengths():
            config = row.learning(bits)
            trainings[kept.name(name, config.code_length)] = config.training().model_dump(mode="json")
    items = data.load(next(iter(chosen.values())).data, root)
    views: dict[str, Any] = {f"view {name}": view[items.split.train] for name, view in items.views.items()}
    classes = items.classes[items.split.train]
    try:
        np.savez_compressed(file, classes=classes, trainings=json.dumps(trainings), **views)
    except OSError as error:
        raise OutputError(f"{file} cannot be written ({error.strerror}); give another path") from None


def train(file: str, folder: str, device: str, only: Sequence[str]) -> None:
    """Train the networks that a packed file names, and save each as a hasher; one that is there is left as it is.

    Raises:
        ConfigError: If `only` names what is not packed, a folder holds a hasher of another training, or torch cannot
            compute on the device.
        InvalidInputError: If the file is missing or damaged.
    """
    arrays, trainings = _unpack(file)
    if unknown := set(only) - trainings.keys():
        raise ConfigError(
            f"--only {', '.join(sorted(unknown))}: {file} holds {', '.join(trainings)}; name some of these"
        )
    views = {name.removeprefix("view "): array for name, array in arrays.items() if name.startswith("view ")}
    labels = Labels(np.arange(len(arrays["classes"]) + 1, dtype=np.int64), arrays["classes"])
    for name in only or trainings:
        config, place = TrainingConfig.model_validate(trainings[name]), f"{folder}/{name}"
        if kept.take(place, config) is None:
            hasher = fit(views, labels, config, device=device)
            hasher.save(place)
            print(f"{name}: {_told(hasher)}", flush=True)


def _told(hasher: Hasher) -> str:
    """Return in a line how long a training took and what it came to."""
    last = hasher.provenance["history"][-1]
    held_out = last["validation_violating"]
    judged = "" if held_out is None else f", {held_out:.2%} of triplets held out ranked wrongly"
    return f"{kept.seconds(hasher):.0f} s on {hasher.provenance['device']}, loss {last['loss']:.4f}{judged}"


def _unpack(file: str) -> tuple[dict[str, NDArray[Any]], dict[str, dict[str, Any]]]:
    """Return the arrays of a packed file, and the trainings that it names."""
    try:
        with np.load(file) as packed:
            arrays = dict(packed)
        return arrays, json.loads(str(arrays["trainings"]))
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InvalidInputError(f"{file} cannot be read ({brief(error)}); write it by pack") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and return the exit status."""
    parser = argparse.ArgumentParser(description="Train networks of rows where the data is not.")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write what is learned from into a file")
    packing.add_argument("file", help="such as items.npz")
    packing.add_argument("--config", nargs="+", required=True, metavar="FILE", help="rows, such as conf/papers/*.yaml")
    packing.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="overrides", help="a row's value")
    packing.add_argument("--root", default="runs/papers", metavar="DIR", help="where features are kept; runs/papers")
    training = commands.add_parser("train", help="train what a file holds")
    training.add_argument("file")
    training.add_argument("folder", help="where hashers are written")
    training.add_argument("--device", default="cpu", help="such as cuda; cpu")
    training.add_argument("--only", nargs="+", default=[], metavar="NAME", help="such as dnnh-cifar10-dem-48; all")
    given = parser.parse_args(arguments)
    try:
        if given.command == "pack":
            pack(given.file, given.config, given.overrides, given.root)
        else:
            train(given.file, given.folder, given.device, given.only)
    except HashcoreError as error:
        print(f"{given.command}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
