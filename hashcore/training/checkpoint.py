"""The state of a training as one safetensors file: weights, the optimizer's memory, and the figures of each epoch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from hashcore.errors import ConfigError, InvalidInputError, one_line, require
from hashcore.hasher import Modality
from hashcore.inputs.column import InputSpec
from hashcore.machine.devices import own_draws
from hashcore.networks.own_source import sources_of
from hashcore.spec import Spec
from hashcore.storage import files
from hashcore.training.config import TrainingConfig
from hashcore.training.modality_networks import ModalityNetworks, Phase
from hashcore.training.step import Learner

FILE = "state.safetensors"
MODULE, OPTIMIZER, BEST = "module/", "optimizer/", "best/"


class Epoch(Spec):
    """Figures of one epoch; of several workers together."""

    epoch: int
    """Number, from 1."""
    loss: float
    """Mean loss of a row's pairs or triplets; in pre-training the cross-entropy of its class."""
    violating: float | None
    """Share of triplets whose codes are not ranked rightly; None without triplets."""
    missed_bits: float | None
    """Mean number of bits by which a triplet misses its rank."""
    triplets: int
    """Triplets that were learned from."""
    seconds: float
    """Time taken."""
    items_per_s: float
    """Rows that passed the network in training, by second."""
    phase: Phase = "joint"
    """Part of the training that this was an epoch of."""
    validation_loss: float | None = None
    """As `loss`, over the rows held out."""
    validation_violating: float | None = None
    """As `violating`, over the rows held out."""


class TrainingState(Spec):
    """The configuration of a training, its inputs, and the epochs that are done."""

    config: TrainingConfig
    inputs: dict[str, InputSpec]
    history: tuple[Epoch, ...] = ()

    def modalities(self) -> dict[str, Modality]:
        """Return the description of each modality, by its name."""
        made = {}
        for name, described in self.inputs.items():
            branch = self.config.branch(name)
            network = branch.network or self.config.network
            made[name] = Modality.model_validate(
                {
                    "input": described,
                    "preprocessing": branch.preprocessing,
                    "network": network,
                    "sources": sources_of(network),
                }
            )
        return made

    def networks(self) -> ModalityNetworks:
        """Build preprocessing and networks with fresh weights."""
        config = self.config
        return ModalityNetworks(
            {name: m.module(config.code_length, config.kind) for name, m in self.modalities().items()}
        )

    def shown(self, weights: Mapping[str, Tensor]) -> ModalityNetworks:
        """Build preprocessing and networks with weights of a whole state, of any shapes, without their classifiers."""
        with own_draws():
            networks = self.networks()
        networks.show(weights)
        return networks

    def is_done(self) -> bool:
        """Return whether all epochs are done, or validation has not improved for as many as are waited for."""
        if len(self.history) >= self.config.epochs:
            return True
        judged = self.judged()
        patience = self.config.patience
        return bool(patience and judged and len(judged) - 1 - judged.index(min(judged)) >= patience)

    def judged(self) -> list[float]:
        """Return the validation losses of the epochs that learned from the loss."""
        joint = [epoch for epoch in self.history if epoch.phase == "joint"]
        return [epoch.validation_loss for epoch in joint if epoch.validation_loss is not None]

    def after(self, epoch: Epoch) -> TrainingState:
        """Return the state with one more epoch done."""
        return self.model_copy(update={"history": (*self.history, epoch)})


def save(folder: str | Path, learner: Learner, state: TrainingState) -> None:
    """Write a training's state into a folder, in place of an earlier one, whole or not at all."""
    require("safetensors", "train")
    from safetensors import torch as safetensors

    files.make_folder(os.fspath(folder))
    content = safetensors.save(_tensors(learner), metadata={"standing": state.model_dump_json()})
    files.write_bytes(files.join(os.fspath(folder), FILE), content)


def read_state(folder: str | Path) -> TrainingState | None:
    """Return the state of the training in a folder, None if there is none.

    Raises:
        InvalidInputError: If the file is damaged.
    """
    found = _read(folder)
    return found and found[0]


def read_networks(folder: str | Path, wanted: TrainingState) -> tuple[TrainingState, ModalityNetworks]:
    """Return the state of the training in a folder, and its networks: the best ones, or the last.

    Raises:
        ConfigError: If it has another configuration or other inputs than `wanted`; then no network is made.
        InvalidInputError: If there is no training, or the file is damaged.
    """
    found = _read(folder)
    if found is None:
        raise InvalidInputError(f"{folder} holds no state of a training; give the folder that it was kept in")
    state, tensors = found
    _check_same(folder, state, wanted)
    with _damage_named(folder):
        return state, state.shown(_below(BEST, tensors) or _below(MODULE, tensors))


def restore(folder: str | Path, learner: Learner, wanted: TrainingState) -> TrainingState:
    """Give a learner the weights and the optimizer's memory of the training in a folder, if there is one.

    Returns:
        The state of that training; `wanted` if there is none.

    Raises:
        ConfigError: If it has another configuration or other inputs than `wanted`.
        InvalidInputError: If the file is damaged.
    """
    kept = _read(folder)
    if kept is None:
        return wanted
    found, tensors = kept
    _check_same(folder, found, wanted)
    with _damage_named(folder):
        learner.best = _below(BEST, tensors) or None
        if learner.best:
            learner.module.load_state_dict(learner.best)  # to see whether they fit; the last ones take their place
        learner.module.load_state_dict(_below(MODULE, tensors))
        fresh = learner.optimizer.state_dict()
        memory: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below(OPTIMIZER, tensors).items():
            number, _, key = name.partition("/")
            memory.setdefault(int(number), {})[key] = tensor
        learner.optimizer.load_state_dict({**fresh, "state": memory})
    return found


def _check_same(folder: str | Path, found: TrainingState, wanted: TrainingState) -> None:
    """Raise ConfigError if a training has another configuration or other inputs than is wanted."""
    if (found.config, found.inputs) != (wanted.config, wanted.inputs):
        raise ConfigError(f"{folder} holds the state of another training; remove it, or keep this one's elsewhere")


def _tensors(learner: Learner) -> dict[str, Tensor]:
    """Return all that a learner remembers: `module/<name>`, `best/<name>`, `optimizer/<number of the weight>/<key>`."""
    tensors = {MODULE + name: tensor for name, tensor in learner.module.state_dict().items()}
    tensors |= {BEST + name: tensor for name, tensor in (learner.best or {}).items()}
    for number, memory in learner.optimizer.state_dict()["state"].items():
        for key, value in memory.items():
            if isinstance(value, Tensor):
                tensors[f"{OPTIMIZER}{number}/{key}"] = value
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read(folder: str | Path) -> tuple[TrainingState, dict[str, Tensor]] | None:
    """Return the content of the state file in a folder, None where there is none."""
    require("safetensors", "train")
    from safetensors import torch as safetensors

    path = files.join(os.fspath(folder), FILE)
    content = files.read_bytes(path)
    if content is None:
        return None
    with _damage_named(folder):
        tensors = safetensors.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return TrainingState.model_validate_json(header["__metadata__"]["standing"]), tensors


@contextmanager
def _damage_named(folder: str | Path) -> Iterator[None]:
    """Turn what a damaged state causes into an InvalidInputError: safetensors, pydantic and torch have their own."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        path = files.join(os.fspath(folder), FILE)
        raise InvalidInputError(f"{path} is damaged ({one_line(error)}); remove it to train from the start") from None


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose name begins with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
