"""Trainings on a device that is not there, in a process of their own: prints how they differ from those on the CPU."""

from __future__ import annotations

import json
import sys
import tempfile

import far_device
import numpy as np
import torch

from hashcore.labels import Labels
from hashcore.losses.spec import DeepHash, NnHash, PairwiseHinge, RelaxedTriplet, SparseHash
from hashcore.networks.spec import Convolutional, Ista, Mlp, Nin, Residual
from hashcore.training import fit
from hashcore.training.config import AdamW, Augmentation, Branch, Lbfgs, Pretraining, TrainingConfig

CONFIG = TrainingConfig(code_length=8, network=Mlp(hidden=(8,)), epochs=2, batch_size=8, optimizer=AdamW())
BOUNDED = Mlp(hidden=(8,), bounded=True)
IMAGES = {"augmentation": Augmentation(shift=1, mirror=True), "batch_size": 16}
STAGES = {"pretraining": Pretraining(epochs=1, hash_epochs=1), "epochs": 3, "validation_share": 0.25, "patience": 9}
OF_FEATURES = {
    "as configured": {},
    "sgd, drawn negatives": {"optimizer": TrainingConfig().optimizer, "negatives": "drawn"},
    "lbfgs, every negative": {"optimizer": Lbfgs(iterations=2), "negatives": "every"},
    "pairwise hinge, stages": {"loss": PairwiseHinge(threshold=3), **STAGES},
    "nn-hash, dropout": {"loss": NnHash(), "network": BOUNDED.model_copy(update={"dropout": 0.2})},
    "deephash, standardized": {"loss": DeepHash(), "network": BOUNDED, "standardized": True},
    "sparsehash, ternary": {"loss": SparseHash(), "network": Ista(), "kind": "ternary"},
}
OF_IMAGES = {
    "nin": {"loss": RelaxedTriplet(), "network": Nin(widths=(4, 4, 8, 8), dropout=0.1), **IMAGES, **STAGES},
    "nin, full": {"loss": RelaxedTriplet(), "network": Nin(widths=(4, 4, 8, 8), encoder="full"), **IMAGES},
    "convolutional": {"network": Convolutional(channels=(8, 8), hidden=(8,)), **IMAGES},
    "residual": {"network": Residual(channels=(8, 8)), **IMAGES},
}
TWO = {"left": Branch(), "right": Branch(network=Mlp(hidden=(4,)))}


def main() -> None:
    """Print for each training the largest difference of a weight, and whether codes are alike."""
    torch.set_num_threads(1)
    place, generator = far_device.register(), np.random.default_rng(0)
    classes = np.arange(48) % 2
    labels = Labels.from_lists([[int(label)] for label in classes])
    features = (generator.standard_normal((48, 5)) + 2 * classes[:, None]).astype(np.float32)
    pixels = generator.integers(0, 256, (48, 3, 8, 8), np.uint8)
    trainings = {name: (features, changes) for name, changes in OF_FEATURES.items()}
    trainings |= {name: (pixels, changes) for name, changes in OF_IMAGES.items()}
    trainings["two modalities"] = ({"left": features, "right": features[:, :3]}, {"modalities": TWO})
    told = {}
    for name, (items, changes) in trainings.items():
        config = CONFIG.model_copy(update=changes)
        with far_device.Far():
            there = interrupted(items, labels, config, place)
            codes = encoded(there.on(place), items)
        here = fit(items, labels, config)
        weights = here.weights()
        largest = max(float((weight - weights[key]).abs().max()) for key, weight in there.weights().items())
        alike = all(np.array_equal(each, codes[key]) for key, each in encoded(there, items).items())
        told[name] = {"difference": largest, "alike": alike, "device": there.provenance["device"]}
    json.dump(told, sys.stdout)


def interrupted(items, labels, config, device):
    """Return a hasher whose training on a device was interrupted after its first epoch, and went on."""

    def interrupt(epoch):
        if epoch.epoch == 1:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        try:
            fit(items, labels, config, device=device, checkpoints=folder, on_epoch=interrupt)
        except KeyboardInterrupt:
            return fit(items, labels, config, device=device, checkpoints=folder)
    raise AssertionError("the training was not interrupted")


def encoded(hasher, items):
    """Return the codes of items in each modality."""
    by_name = items if isinstance(items, dict) else {next(iter(hasher.modalities)): items}
    return {name: hasher.encode(values, name) for name, values in by_name.items()}


if __name__ == "__main__":
    main()
