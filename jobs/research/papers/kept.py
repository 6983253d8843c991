"""Hashers of rows that were trained before, or elsewhere: one folder for each row and code length."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hashcore.errors import ConfigError
from hashcore.hashers.directory import DESCRIPTION
from hashcore.storage import files
from hashcore.training.config import TrainingConfig

if TYPE_CHECKING:
    from hashcore.hasher import Hasher
    from jobs.research.papers.data import Items
    from jobs.research.papers.row import Learning


class Where(NamedTuple):
    """Places of a row's outputs, and of hashers that are kept.

    Attributes:
        root: Folder of features.
        threads: Of a matrix product.
        device: Where networks are trained.
        hashers: Folder of trained networks; None keeps none.
        row: Name of the row's file, without ending.
    """

    root: str
    threads: int = 1
    device: str = "cpu"
    hashers: str | None = None
    row: str = ""


def hasher(config: Learning, items: Items, where: Where) -> tuple[Hasher, float]:
    """Return the hasher of a configuration, and the seconds that its training took if it was there already.

    Raises:
        ConfigError: If one is there that was trained by another configuration.
    """
    from jobs.research.papers.learn import learn

    if where.hashers is None or config.method != "network":
        return learn(config, items, where.device), 0.0
    folder = files.join(where.hashers, name(where.row, config.code_length))
    found = take(folder, config.training())
    if found is not None:
        return found, seconds(found)
    made = learn(config, items, where.device)
    made.save(folder)
    return made, 0.0


def name(row: str, bits: int) -> str:
    """Return the name of a row's hasher; `row` is that of its file without ending.

    >>> name("dnnh-cifar10-dem", 48)
    'dnnh-cifar10-dem-48'
    """
    return f"{row}-{bits}"


def take(path: str, config: TrainingConfig) -> Hasher | None:
    """Return the hasher in a folder, None if there is none.

    Raises:
        ConfigError: If it was trained by another configuration.
        CorruptHasherError: If it is damaged.
    """
    from hashcore.hasher import Hasher

    if files.read_bytes(files.join(path, DESCRIPTION)) is None:
        return None
    hasher = Hasher.load(path)
    wanted, found = config.model_dump(mode="json"), hasher.provenance.get("training", {})
    different = [key for key in wanted if wanted[key] != found.get(key)]
    if different:
        raise ConfigError(
            f"{path} holds a hasher of another training, with a different {', '.join(different)}; remove it, or keep "
            "this row's elsewhere"
        )
    return hasher


def seconds(hasher: Hasher) -> float:
    """Return the seconds that the epochs of a training took."""
    return float(sum(epoch["seconds"] for epoch in hasher.provenance["history"]))
