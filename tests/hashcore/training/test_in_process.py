"""Training in one process: it learns, repeats itself, goes on after an interruption, and says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hashcore import hamming
from hashcore.errors import ConfigError, InvalidInputError
from hashcore.hasher import Hasher
from hashcore.inputs.features import FeatureInput
from hashcore.labels import Labels
from hashcore.losses.spec import DeepHash, PairwiseHinge, RelaxedTriplet, TripletRanking
from hashcore.networks.spec import Linear, Mlp, Preprocessing
from hashcore.training import fit
from hashcore.training.checkpoint import TrainingState, read_state
from hashcore.training.config import AdamW, Pretraining, Sgd, TrainingConfig
from hashcore.training.data import Window, Windows
from hashcore.training.loop import train
from hashcore.training.schedule import Schedule

CONFIG = TrainingConfig(code_length=16, network=Mlp(hidden=(24,)), epochs=4, batch_size=32)


pytestmark = pytest.mark.usefixtures("one_thread")


def rings(rows=240, seed=0):
    """Points around 4 corners in 6 dimensions; opposite corners are one class, so that no hyperplane parts them."""
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 4, rows)
    signs = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]])[corners]
    items = generator.standard_normal((rows, 6)) * 0.4
    items[:, :2] += 2 * signs
    return items.astype(np.float32), Labels.from_lists([[int(corner // 2)] for corner in corners])


def nearest_are_right(hasher, modality="features"):
    """The share of new items whose nearest training item has their class."""
    items, labels = rings()
    new, wanted = rings(100, seed=1)
    nearest = hamming.knn_search(hasher.encode(items, modality), hasher.encode(new, modality), 1)
    return float((labels.values[nearest.ids] == wanted.values).mean())


def untimed(history):
    return [
        {name: value for name, value in epoch.items() if name not in ("seconds", "items_per_s")} for epoch in history
    ]


def same_weights(a, b):
    return all(torch.equal(value, b.weights()[name]) for name, value in a.weights().items())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loss": TripletRanking(scale=0.25), "negatives": "drawn", "optimizer": AdamW(learning_rate=0.01)},
        {"loss": PairwiseHinge(threshold=4, scale=0.5)},
        {"loss": RelaxedTriplet(), "network": Mlp(hidden=(24,), bounded=True), "negatives": "every"},
        {"loss": RelaxedTriplet(), "network": Mlp(hidden=(24,), bounded=True), "standardized": True, "mean_zero": 0.0},
        {
            "network": Mlp(hidden=(24, 12), bounded=True, dropout=0.1),
            "preprocessing": Preprocessing(unit_length=True),
            "loss": TripletRanking(scale=0.25),
        },
    ],
)
def test_a_network_learns_what_no_hyperplane_parts(changes):
    hasher = fit(*rings(), CONFIG.model_copy(update={"epochs": 25, **changes}))
    history = hasher.provenance["history"]
    assert history[-1]["violating"] < 0.5 * history[0]["violating"]
    assert nearest_are_right(hasher) > 0.95


@pytest.mark.parametrize("pretraining", [None, Pretraining(epochs=1, hash_epochs=1)])
def test_no_bit_takes_one_value_for_all_items_where_projections_are_standardized(pretraining):
    items, labels = rings()
    items += 4  # what all items share weighs more than what parts them
    config = CONFIG.model_copy(
        update={
            "preprocessing": Preprocessing(center=False, unit_variance=False),
            "loss": DeepHash(),
            "mean_zero": 0.0,
            "optimizer": Sgd(learning_rate=0.2),  # larger steps end elsewhere on every processor
            "pretraining": pretraining,
            "epochs": 8,
        }
    )

    def share_of_ones(config):
        return np.unpackbits(fit(items, labels, config).encode(items, "features"), axis=1).mean(axis=0)

    alone, held = (share_of_ones(config.model_copy(update={"standardized": wanted})) for wanted in (False, True))
    assert set(alone) & {0.0, 1.0}
    assert held.min() > 0.05
    assert held.max() < 0.95


def test_a_linear_hasher_learns_two_clusters():
    generator = np.random.default_rng(0)
    classes = np.arange(60) % 2
    items = (generator.standard_normal((60, 5)) + 3 * classes[:, None]).astype(np.float32)
    hasher = fit(items, Labels.from_lists(classes[:, None].tolist()), CONFIG.model_copy(update={"network": Linear()}))
    distances = hamming.distance_histogram(hasher.encode(items, "features"), hasher.encode(items[:2], "features"), 16)
    assert np.abs(distances[:, :8].sum(1) - 30).max() <= 2


def test_images_are_learned_from_their_pixels():
    items, labels = rings()
    pixels = np.clip(items * 30 + 128, 0, 255).astype(np.uint8).reshape(-1, 1, 2, 3)
    hasher = fit(pixels, labels, CONFIG, modality="photo")
    assert hasher.modalities["photo"].input.shape == (1, 2, 3)
    assert len(hasher.encode(pixels, "photo")) == len(pixels)


def test_the_same_training_gives_the_same_weights_and_another_seed_others():
    first, again = fit(*rings(), CONFIG), fit(*rings(), CONFIG)
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != fit(*rings(), CONFIG.model_copy(update={"seed": 1})).fingerprint


def test_training_does_not_disturb_the_callers_random_numbers():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    fit(*rings(), CONFIG)
    assert torch.equal(torch.rand(3), wanted)


class Interrupted(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": Sgd(weight_decay=1e-3)}, {"optimizer": AdamW()}, {"optimizer": AdamW(), "standardized": True}],
)
@pytest.mark.parametrize("batches_done", [1, 20, 40])
def test_an_interrupted_training_ends_with_the_weights_of_an_undisturbed_one(tmp_path, changes, batches_done):
    config = CONFIG.model_copy(update={"network": Mlp(hidden=(24,), dropout=0.2), "validation_share": 0.2, **changes})
    whole = fit(*rings(), config)
    batches = iter(range(batches_done))

    def interrupt(_anchors):
        if next(batches, None) is None:
            raise Interrupted

    with pytest.raises(Interrupted):
        fit(*rings(), config, checkpoints=str(tmp_path), on_batch=interrupt)
    state = read_state(tmp_path)
    done = 0 if state is None else len(state.history)
    assert done == batches_done // 12
    epochs = []
    resumed = fit(*rings(), config, checkpoints=str(tmp_path), on_batch=epochs.append)
    assert len(epochs) == 12 * (4 - done)
    assert same_weights(resumed, whole)
    drop = {"seconds", "items_per_s"}
    histories = [
        [{k: v for k, v in e.items() if k not in drop} for e in h.provenance["history"]] for h in (resumed, whole)
    ]
    assert histories[0] == histories[1]


def test_a_training_that_diverges_says_so_and_keeps_no_state(tmp_path):
    steep = CONFIG.model_copy(update={"optimizer": Sgd(learning_rate=1e30)})
    with pytest.raises(
        ConfigError, match=r"loss of epoch 1 is (nan|inf): .*; lower train.optimizer.learning_rate=1e\+30"
    ):
        fit(*rings(), steep, checkpoints=str(tmp_path))
    assert read_state(tmp_path) is None


def test_a_finished_training_is_read_from_its_checkpoint(tmp_path):
    first = fit(*rings(), CONFIG, checkpoints=str(tmp_path))
    again = fit(*rings(), CONFIG, checkpoints=str(tmp_path), on_batch=lambda _: pytest.fail("trained again"))
    assert again.fingerprint == first.fingerprint


def test_the_state_of_another_training_is_not_gone_on_from(tmp_path):
    fit(*rings(), CONFIG, checkpoints=str(tmp_path))
    with pytest.raises(ConfigError, match="holds the state of another training"):
        fit(*rings(), CONFIG.model_copy(update={"epochs": 5}), checkpoints=str(tmp_path))


def test_a_damaged_state_is_refused(tmp_path):
    fit(*rings(), CONFIG, checkpoints=str(tmp_path))
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInputError, match="is damaged"):
        fit(*rings(), CONFIG, checkpoints=str(tmp_path))


def test_the_history_tells_each_epoch():
    hasher = fit(*rings(), CONFIG.model_copy(update={"validation_share": 0.25, "epochs": 15}))
    history = hasher.provenance["history"]
    assert [epoch["epoch"] for epoch in history] == list(range(1, 16))
    assert {epoch["triplets"] for epoch in history} == {180 // 16 * 32}
    assert all(0 < epoch["violating"] <= 1 and epoch["missed_bits"] >= epoch["violating"] for epoch in history[:1])
    assert all(epoch["items_per_s"] > 0 and epoch["validation_loss"] is not None for epoch in history)
    assert history[-1]["validation_violating"] < history[0]["validation_violating"]


def test_held_out_rows_are_not_learned_from():
    items, labels = rings()
    config = CONFIG.model_copy(update={"validation_share": 0.3})
    held = Window({"a": torch.from_numpy(items)}, labels, 0.3, config.seed).held_out.rows
    assert len(held) == 72
    changed = items.copy()
    changed[held] += 7
    assert same_weights(fit(items, labels, config), fit(changed, labels, config))


def test_provenance_holds_the_configuration(tmp_path):
    hasher = fit(*rings(), CONFIG)
    hasher.save(str(tmp_path))
    assert TrainingConfig.model_validate(Hasher.load(str(tmp_path)).provenance["training"]) == CONFIG


def windows_of(items, labels, rows, reads):
    def read():
        reads.append(rows)
        for start in range(0, len(items), rows):
            yield Window({"a": torch.from_numpy(items[start : start + rows])}, labels.slice(start, start + rows))

    return Windows(read)


def test_rows_that_fit_into_one_window_are_read_once_and_others_each_epoch():
    items, labels = rings()
    wanted = TrainingState(config=CONFIG, inputs={"a": FeatureInput(dimensions=6)})
    for rows, times in ((240, 1), (80, CONFIG.epochs)):
        reads = []
        _, state = train(wanted, windows_of(items, labels, rows, reads), anchors=240)
        assert len(reads) == times
        assert [epoch.triplets for epoch in state.history] == [240 // rows * (rows // 16) * 32] * CONFIG.epochs


def test_several_windows_teach_as_well():
    items, labels = rings()
    config = CONFIG.model_copy(update={"epochs": 25})
    wanted = TrainingState(config=config, inputs={"a": FeatureInput(dimensions=6)})
    _, state = train(wanted, windows_of(items, labels, 80, []), anchors=240)
    assert state.history[-1].violating < 0.5 * state.history[0].violating


def test_no_rows_are_refused():
    wanted = TrainingState(config=CONFIG, inputs={"a": FeatureInput(dimensions=6)})
    with pytest.raises(InvalidInputError, match="no rows to learn from"):
        train(wanted, Windows(lambda: iter(())), anchors=0)


ITEMS, LABELS = rings(20)


@pytest.mark.parametrize(
    ("items", "labels", "message"),
    [
        (ITEMS, Labels.from_lists([[1]] * 20), "at least two classes"),
        (ITEMS, Labels.from_lists([[i] for i in range(20)]), "no pair is similar"),
        (ITEMS, Labels.from_lists([[]] * 20), "no row has a label"),
        (ITEMS[:5], LABELS, "5 items but labels of 20 rows"),
        (ITEMS.astype(np.int64), LABELS, r"items are int64 of shape \(20, 6\); give float features"),
        (ITEMS.reshape(20, 1, 2, 3), LABELS, "or uint8 pixels"),
        (np.where(ITEMS > 0, ITEMS, np.nan), LABELS, "NaN or infinite"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_one_line(items, labels, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        fit(items, labels, CONFIG)
    assert "\n" not in str(caught.value)


def test_labels_that_always_overlap_give_an_error_and_no_hasher():
    labels = Labels.from_lists([[1, 2], [2, 3], [1, 3]] * 8)
    with pytest.raises(InvalidInputError, match="no batch held an unrelated row"):
        fit(ITEMS[np.arange(24) % 20], labels, CONFIG)


def test_the_step_size_rises_and_falls_as_scheduled():
    cosine, constant = Schedule(warmup=0.25), Schedule(name="constant", warmup=0.0)
    assert [cosine.factor(p) for p in (0, 0.125, 0.25, 1)] == pytest.approx([0, 0.5, 1, 0])
    assert [constant.factor(p) for p in (0, 0.5, 1)] == [1, 1, 1]
