"""The papers' systems as whole trainings: each learns a small task, and what cannot be trained is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from hashcore import hamming
from hashcore.codes import unpack_ternary
from hashcore.errors import ConfigError, InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.losses.spec import DeepHash, NnHash, PairwiseHinge, RelaxedTriplet, SparseHash
from hashcore.networks.spec import Ista, Linear, Mlp, Nin, Preprocessing, Residual
from hashcore.supervision.pairs import JudgedPairs
from hashcore.supervision.triplets import JudgedTriplets
from hashcore.training import fit
from hashcore.training.checkpoint import read_state
from hashcore.training.config import AdamW, Branch, Lbfgs, Pretraining, TrainingConfig
from hashcore.training.schedule import BoldDriver

ROWS, CLASSES = 240, 3
BASE = TrainingConfig(code_length=16, network=Mlp(hidden=(8,)), epochs=8, batch_size=32)
BOUNDED = Mlp(hidden=(8,), bounded=True)


pytestmark = pytest.mark.usefixtures("one_thread")


def views(rows=ROWS, seed=0):
    """Two views of rows of three classes, 6 and 4 dimensions wide, and the classes."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, CLASSES, rows)
    x, y = (generator.standard_normal((rows, d)) * 0.5 + 3 * np.eye(d)[classes] for d in (6, 4))
    return x.astype(np.float32), y.astype(np.float32), classes


def labels_of(classes):
    return Labels.from_lists(classes[:, None].tolist())


X, Y, CLASS = views()
LABELS = labels_of(CLASS)


def changed(**values):
    return TrainingConfig.model_validate({**BASE.model_dump(), **values})


def precision(hasher, query_view, database_view):
    """The share of the 5 nearest rows of one view that have the class of a new row of another view."""
    new = dict(zip("xy", views(60, seed=1)[:2], strict=True))
    old = {"x": X, "y": Y}
    codes = hasher.encode(old[database_view], database_view), hasher.encode(new[query_view], query_view)
    found = hamming.knn_search(*codes, 5)
    return float((CLASS[found.ids].reshape(60, 5) == views(60, seed=1)[2][:, None]).mean())


COUPLED = {"modalities": {"x": Branch(), "y": Branch(network=Linear(bounded=True))}, "network": BOUNDED}


@pytest.mark.parametrize(
    "values",
    [
        {"loss": NnHash(margin=3), "mean_zero": 0},  # MM-NN
        {"loss": NnHash(margin=3), "optimizer": Lbfgs(), "epochs": 3},
        {
            "loss": NnHash(margin=3),
            "modalities": {"x": Branch(weight=0), "y": Branch(weight=0, network=Linear(bounded=True))},  # CM-NN
        },
        {
            "loss": SparseHash(margin=6, sparsity=0.02),
            "kind": "ternary",
            "code_length": 48,
            "modalities": {"x": Branch(network=Ista(), preprocessing=Preprocessing(unit_length=True)), "y": Branch()},
            "mean_zero": 0,
            "epochs": 15,
        },
        {"modalities": {"x": Branch(), "y": Branch()}},  # triplets across modalities
    ],
)
def test_coupled_modalities_find_each_other(values):
    hasher = fit({"y": Y, "x": X}, LABELS, changed(**{**COUPLED, **values}))
    assert hasher.modalities["x"].input.shape == (6,)
    assert hasher.modalities["y"].input.shape == (4,)
    for query, database in ("xy", "yx", "xx", "yy"):
        assert precision(hasher, query, database) > 0.9


def test_each_modality_has_the_network_it_was_given():
    hasher = fit({"x": X, "y": Y}, LABELS, changed(**COUPLED, loss=NnHash(), epochs=1))
    assert hasher.modalities["x"].network == BOUNDED
    assert hasher.modalities["y"].network == Linear(bounded=True)


SPARSE = changed(
    kind="ternary",
    code_length=64,
    network=Ista(),
    loss=SparseHash(margin=6, sparsity=0.05),
    mean_zero=0,
    preprocessing=Preprocessing(unit_length=True, unit_variance=False),
    epochs=25,
)


def test_sparse_codes_are_the_nearest_ternary_values_and_few_are_set(tmp_path):
    hasher = fit(X, LABELS, SPARSE, modality="x")
    codes, projections = hasher.encode(X, "x"), hasher.project(X, "x")
    assert projections.shape == (ROWS, 32) and codes.shape == (ROWS, 8)
    values = unpack_ternary(codes, 32)
    assert np.array_equal(values, np.sign(projections) * (np.abs(projections) > 0.5))
    assert 0 < (values != 0).mean() < 0.4
    assert precision(hasher, "x", "x") > 0.9
    hasher.save(str(tmp_path))
    again = Hasher.load(str(tmp_path))
    assert again.kind == "ternary" and np.array_equal(again.encode(X, "x"), codes)


def test_more_weight_on_sparsity_gives_fewer_set_values():
    set_values = []
    for sparsity in (0.0, 0.2):
        loss = SparseHash(margin=6, sparsity=sparsity)
        hasher = fit(X, LABELS, SPARSE.model_copy(update={"loss": loss}), modality="x")
        set_values.append((unpack_ternary(hasher.encode(X, "x"), 32) != 0).mean())
    assert set_values[1] < 0.7 * set_values[0]


@pytest.mark.parametrize(
    "values",
    [
        {"loss": DeepHash(), "optimizer": AdamW(learning_rate=0.01)},
        {"loss": RelaxedTriplet(), "network": BOUNDED, "schedule": BoldDriver(every=2), "epochs": 15},
        {"loss": PairwiseHinge(threshold=4), "precision": "bfloat16"},
        {"loss": NnHash(margin=3), "network": Linear(bounded=True), "optimizer": Lbfgs(iterations=5), "epochs": 3},
    ],
)
def test_systems_of_one_modality_learn(values):
    assert precision(fit(X, LABELS, changed(**values), modality="x"), "x", "x") > 0.9


@pytest.mark.parametrize("network", [Nin(widths=(4, 6, 6, 8), features_per_bit=4), Residual(channels=(4, 8), groups=2)])
def test_networks_of_images_learn_and_go_on_after_an_interruption(tmp_path, network):
    """Images with a bright corner, one corner a class."""
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, 96)
    images = generator.integers(0, 90, (96, 3, 8, 8), np.uint8)
    images[classes == 1, :, :4, :4] += 120
    images[classes == 0, :, 4:, 4:] += 120
    config = changed(
        network=network,
        loss=RelaxedTriplet(margin=2) if network.bounded else DeepHash(),
        optimizer=AdamW(learning_rate=0.01),
        mean_zero=0.0,
        code_length=8,
        epochs=6,
    )
    whole = fit(images, labels_of(classes), config)
    codes = whole.encode(images, "image")
    nearest = hamming.knn_search(codes, codes, 3)
    assert (classes[nearest.ids].reshape(96, 3) == classes[:, None]).mean() > 0.9

    class Interrupted(Exception):
        pass

    seen = []

    def interrupt(_anchors):
        seen.append(1)
        if len(seen) == 20:
            raise Interrupted

    with pytest.raises(Interrupted):
        fit(images, labels_of(classes), config, checkpoints=str(tmp_path), on_batch=interrupt)
    resumed = fit(images, labels_of(classes), config, checkpoints=str(tmp_path))
    assert resumed.fingerprint == whole.fingerprint


def test_pre_training_classifies_then_makes_bits_then_learns_all(tmp_path):
    config = changed(loss=DeepHash(), pretraining=Pretraining(epochs=3, hash_epochs=2))
    hasher = fit(X, LABELS, config, modality="x", checkpoints=str(tmp_path))
    history = hasher.provenance["history"]
    assert [epoch["phase"] for epoch in history] == ["classify"] * 3 + ["hash"] * 2 + ["joint"] * 3
    assert history[2]["loss"] < history[0]["loss"] < 1.2  # ln 3 is 1.1
    assert history[0]["violating"] is None and history[-1]["violating"] is not None
    assert precision(hasher, "x", "x") > 0.9
    assert not any("upon" in name or "classes" in name for name in hasher.weights())


def weights_after(epochs, **values):
    """The weights below the hash layer and those of it."""
    weights = fit(X, LABELS, changed(loss=DeepHash(), mean_zero=0, epochs=epochs, **values), modality="x").weights()
    return weights["x.1.1.weight"], weights["x.1.3.weight"]


def test_each_stage_of_pre_training_moves_its_own_layers():
    start = weights_after(1, pretraining=Pretraining(epochs=1, hash_epochs=0))
    only_hash = weights_after(2, pretraining=Pretraining(epochs=1, hash_epochs=1))
    assert torch.equal(start[0], only_hash[0]) and not torch.equal(start[1], only_hash[1])
    untouched = weights_after(2, pretraining=Pretraining(epochs=2, hash_epochs=0))
    assert torch.equal(start[1], untouched[1]) and not torch.equal(start[0], untouched[0])


def test_an_interruption_between_the_stages_changes_nothing(tmp_path):
    config = changed(loss=DeepHash(), pretraining=Pretraining(epochs=2, hash_epochs=2), epochs=6)
    whole = fit(X, LABELS, config, modality="x")

    class Interrupted(Exception):
        pass

    seen = []

    def interrupt(_anchors):
        seen.append(1)
        if len(seen) == 50:  # in the fourth of six epochs of 15 batches
            raise Interrupted

    with pytest.raises(Interrupted):
        fit(X, LABELS, config, modality="x", checkpoints=str(tmp_path), on_batch=interrupt)
    assert len(read_state(tmp_path).history) == 3
    resumed = fit(X, LABELS, config, modality="x", checkpoints=str(tmp_path))
    assert resumed.fingerprint == whole.fingerprint


def test_labels_share_the_softmax_where_a_row_has_several():
    both = Labels.from_lists([[c, c + 10] if row % 2 else [c] for row, c in enumerate(CLASS.tolist())])
    config = changed(pretraining=Pretraining(epochs=2, hash_epochs=1))
    assert fit(X, both, config, modality="x").provenance["history"][1]["loss"] < 1.8


def test_training_stops_early_and_keeps_the_best_weights(tmp_path):
    noisy = labels_of(np.random.default_rng(0).integers(0, 4, ROWS))  # nothing to generalise
    config = changed(epochs=60, validation_share=0.3, patience=3)
    hasher = fit(X, noisy, config, modality="x", checkpoints=str(tmp_path))
    losses = [epoch["validation_loss"] for epoch in hasher.provenance["history"]]
    best = losses.index(min(losses))
    assert len(losses) == best + 4 < 60
    # a schedule that does not look ahead lets a shorter training end where the longer one was best
    constant = {"schedule": {"name": "constant", "warmup": 0.0}, "validation_share": 0.3}
    stopped = fit(X, noisy, changed(epochs=60, patience=3, **constant), modality="x")
    losses = [epoch["validation_loss"] for epoch in stopped.provenance["history"]]
    short = fit(X, noisy, changed(epochs=losses.index(min(losses)) + 1, **constant), modality="x")
    assert all(torch.equal(value, short.weights()[name]) for name, value in stopped.weights().items())
    assert fit(X, noisy, config, modality="x", checkpoints=str(tmp_path)).fingerprint == hasher.fingerprint


def judged_pairs(count=600):
    left, right = np.random.default_rng(0).integers(0, ROWS, (2, count))
    return JudgedPairs(left, right, CLASS[left] == CLASS[right])


@pytest.mark.parametrize(
    "values",
    [{"loss": NnHash(margin=3), "network": BOUNDED}, {"loss": PairwiseHinge(threshold=4)}, {"loss": DeepHash()}],
)
def test_judged_pairs_teach_without_labels(values):
    hasher = fit(X, judged_pairs(), changed(**values, validation_share=0.1, epochs=12), modality="x")
    assert precision(hasher, "x", "x") > 0.9
    assert hasher.provenance["history"][-1]["validation_loss"] is not None


@pytest.mark.parametrize("negatives", ["hard", "drawn"])
def test_judged_triplets_teach_without_labels(negatives):
    generator = np.random.default_rng(0)
    rows = generator.integers(0, ROWS, (3, 4000))
    good = (CLASS[rows[0]] == CLASS[rows[1]]) & (CLASS[rows[0]] != CLASS[rows[2]]) & (rows[0] != rows[1])
    hasher = fit(X, JudgedTriplets(*rows[:, good]), changed(negatives=negatives, epochs=12), modality="x")
    assert precision(hasher, "x", "x") > 0.9


def test_compiling_is_left_to_torch(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    fit(X, LABELS, changed(compile=True, epochs=1), modality="x")
    assert len(compiled) == 1


ONES = np.ones(4, np.int64)


@pytest.mark.parametrize(
    ("items", "supervision", "values", "message"),
    [
        ({"x": X}, LABELS, COUPLED, "items are of the modalities x but configured are x, y"),
        ({"x": X, "y": Y}, LABELS, {}, "items are of the modalities x, y but configured are none"),
        ({"x": X, "y": Y[:9]}, LABELS, {**COUPLED, "loss": NnHash()}, "9 items but labels of 240 rows"),
        (X, JudgedPairs(ONES, 300 * ONES, np.arange(4) % 2 == 0), {}, "judgements name rows beyond the 240 items"),
        (X, judged_pairs(), {"pretraining": Pretraining(epochs=1)}, "pretraining classifies and needs labels"),
        (X, LABELS, {"network": Ista(), "pretraining": Pretraining(epochs=1)}, "that ends in a linear layer; use"),
        (
            X,
            LABELS,
            {"network": Ista(), "standardized": True},
            "train.standardized need a network that ends in a linear layer",
        ),
        (X, labels_of(CLASS - 5), {"pretraining": Pretraining(epochs=1)}, r"labels span -5\.\.-3"),
        (X, LABELS, {"network": Nin()}, "network nin reads images"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(items, supervision, values, message):
    if "modalities" in values and "loss" not in values:
        values = {**values, "loss": NnHash()}
    with pytest.raises((ConfigError, InvalidInputError), match=message) as caught:
        fit(items, supervision, changed(**values))
    assert "\n" not in str(caught.value)


def test_pairs_of_one_kind_are_refused():
    for wanted, missing in ((True, "dissimilar"), (False, "similar")):
        with pytest.raises(InvalidInputError, match=f"none of the 4 pairs is {missing}; give pairs of both kinds"):
            JudgedPairs(ONES, ONES, np.full(4, wanted))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modalities": {"x": {}}}, "one modality is given"),
        ({"kind": "ternary", "code_length": 17, "network": {"name": "ista"}}, "a ternary code has two bits"),
        ({"kind": "ternary", "network": {"name": "mlp"}}, "which mlp exceeds; set its bounded: true"),
        ({"loss": {"name": "nn_hash"}, "network": {"name": "linear"}}, "loss nn_hash is of projections within -1"),
        ({"patience": 3}, "patience=3 needs rows to judge"),
        ({"pretraining": {"epochs": 20}}, "pretraining takes more than the 8 epochs"),
    ],
)
def test_settings_that_cannot_go_together_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        changed(**values)
