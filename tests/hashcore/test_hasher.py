"""Hashers: codes are signs of projections, and a directory on disk is read back exactly or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hashcore.codes import pack, unpack
from hashcore.errors import CorruptHasherError, InvalidInputError, OutputError, UnknownFormatError
from hashcore.hasher import PASS_ROWS, Hasher, Modality
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.networks.spec import Linear, Mlp, Preprocessing

CODE_LENGTH = 12
MODALITIES = {
    "features": Modality(input=FeatureInput(dimensions=5), preprocessing=Preprocessing(), network=Linear()),
    "image": Modality(
        input=ImageInput(height=3, width=4),
        preprocessing=Preprocessing(unit_length=True),
        network=Mlp(hidden=(7, 6), bounded=True, dropout=0.5),
    ),
}


def made(seed=0, **changes):
    torch.manual_seed(seed)
    modules = {name: spec.module(CODE_LENGTH) for name, spec in MODALITIES.items()}
    for module in modules.values():
        module[0].mean += torch.rand(module[0].mean.shape)
        module[0].scale += 0.5
    return Hasher(**{"code_length": CODE_LENGTH, "modalities": MODALITIES, "modules": modules, **changes})


def features(rows=9):
    return np.random.default_rng(0).standard_normal((rows, 5)).astype(np.float32)


def images(rows=9):
    return np.random.default_rng(0).integers(0, 256, (rows, 1, 3, 4), np.uint8)


INPUTS = {"features": features, "image": images}


@pytest.mark.parametrize("modality", MODALITIES)
def test_codes_are_the_signs_of_projections(modality):
    hasher, items = made(), INPUTS[modality]()
    projections = hasher.project(items, modality)
    assert (projections.shape, projections.dtype) == ((9, CODE_LENGTH), np.float32)
    assert np.array_equal(hasher.encode(items, modality), pack(projections > 0))
    assert 0.1 < unpack(hasher.encode(items, modality), CODE_LENGTH).mean() < 0.9


def test_projections_follow_preprocessing_and_network_by_hand():
    hasher = made()
    preprocess, (_, linear) = hasher.modules["features"]
    items = torch.from_numpy(features())
    wanted = ((items - preprocess.mean) * preprocess.scale) @ linear.weight.T + linear.bias
    assert np.allclose(hasher.project(features(), "features"), wanted.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("modality", MODALITIES)
def test_codes_do_not_depend_on_the_rows_beside_an_item(modality):
    hasher, items = made(), INPUTS[modality](PASS_ROWS + 3)
    whole = hasher.encode(items, modality)
    for start, stop in ((0, 1), (1, 300), (PASS_ROWS - 1, PASS_ROWS + 2), (7, len(items))):
        assert np.array_equal(hasher.encode(items[start:stop], modality), whole[start:stop])


def test_signs_that_float32_gets_wrong_are_decided_in_float64():
    hasher = made()
    preprocess, (_, linear) = hasher.modules["features"]
    items = features(400)
    with torch.no_grad():
        preprocess.mean.zero_()
        preprocess.scale.fill_(1.0)
        linear.bias.zero_()
        linear.weight[0] = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0])
    items[:, 4] = items[:, :4].sum(1)  # rounds, so that bit 0 has a tiny projection of either sign
    exact = items.astype(np.float64) @ linear.weight.detach().double().numpy().T
    assert 0.2 < (exact[:, 0] > 0).mean() < 0.8
    assert np.allclose(hasher.project(items, "features")[:, 0], exact[:, 0], rtol=1e-6, atol=0)
    assert np.array_equal(hasher.encode(items, "features"), pack(exact > 0))


@pytest.mark.filterwarnings("error")
def test_read_only_and_strided_items_are_read_like_others():
    items = np.repeat(features(), 2, axis=0)[::2]
    items.flags.writeable = False
    assert np.array_equal(made().encode(items, "features"), made().encode(features(), "features"))


def test_no_items_give_no_codes():
    assert made().encode(features(0), "features").shape == (0, 2)


def test_a_saved_hasher_is_read_back_exactly(tmp_path):
    hasher = made(provenance={"epochs": 3})
    hasher.save(str(tmp_path / "a" / "hasher"))
    loaded = Hasher.load(str(tmp_path / "a" / "hasher"))
    assert sorted(file.name for file in (tmp_path / "a" / "hasher").iterdir()) == ["hasher.json", "weights.safetensors"]
    assert (loaded.code_length, loaded.kind, loaded.provenance) == (CODE_LENGTH, "dense", {"epochs": 3})
    assert loaded.modalities == MODALITIES
    assert loaded.fingerprint == hasher.fingerprint
    for modality, items in INPUTS.items():
        assert np.array_equal(loaded.project(items(), modality), hasher.project(items(), modality))


def test_a_hasher_is_read_by_uri(tmp_path):
    made().save(f"file://{tmp_path}/hasher")
    assert Hasher.load(str(tmp_path / "hasher")).fingerprint == made().fingerprint


def test_the_fingerprint_follows_the_content_and_nothing_else():
    hasher = made()
    assert hasher.fingerprint == made(provenance={"made": "elsewhere"}).fingerprint
    assert hasher.fingerprint != made(seed=1).fingerprint
    assert hasher.fingerprint != made(kind="sparse").fingerprint
    changed = made()
    with torch.no_grad():
        changed.modules["image"][0].scale += 1e-6
    assert hasher.fingerprint != changed.fingerprint


@pytest.fixture
def saved(tmp_path):
    made().save(str(tmp_path))
    return tmp_path


def edit(folder, **changes):
    path = folder / "hasher.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_any_flipped_bit_of_the_weights_is_noticed(saved):
    path = saved / "weights.safetensors"
    content = path.read_bytes()
    for position in range(0, len(content), 29):
        broken = bytearray(content)
        broken[position] ^= 1 << position % 8
        path.write_bytes(broken)
        with pytest.raises(CorruptHasherError) as caught:
            Hasher.load(str(saved))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "hasher.json"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_files_are_refused(saved, name, share):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(CorruptHasherError, match=name):
        Hasher.load(str(saved))


def test_weights_of_another_hasher_are_refused(saved, tmp_path):
    made(seed=1).save(str(tmp_path / "other"))
    (saved / "weights.safetensors").write_bytes((tmp_path / "other" / "weights.safetensors").read_bytes())
    with pytest.raises(CorruptHasherError, match=r"promises fingerprint \w{16} but its contents have \w{16}"):
        Hasher.load(str(saved))


@pytest.mark.parametrize("changes", [{"modalities": {}}, {"modalities": {"features": {}}}, {"code_length": 16}])
def test_a_description_that_does_not_fit_its_weights_is_refused(saved, changes):
    edit(saved, **changes)
    with pytest.raises(CorruptHasherError):
        Hasher.load(str(saved))


def test_an_unknown_format_is_refused(saved):
    edit(saved, format_version=3)
    with pytest.raises(UnknownFormatError, match=r"hasher format 3 is unknown to this reader \(reads 1 and 2\)"):
        Hasher.load(str(saved))


def test_a_missing_hasher_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="nowhere holds no hasher"):
        Hasher.load(str(tmp_path / "nowhere"))


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        made().save(str(tmp_path / "file" / "hasher"))


@pytest.mark.parametrize(
    ("items", "modality", "message"),
    [
        (features(), "sound", "modality='sound': this hasher reads features, image"),
        (features()[:, :4], "features", r"float32 of shape \(9, 4\); features reads numbers of shape \(n, 5\)"),
        (images()[:, 0], "image", r"shape \(9, 3, 4\); image reads numbers of shape \(n, 1, 3, 4\)"),
        (np.array([["a"] * 5]), "features", "features reads numbers"),
        (np.full((1, 5), np.nan), "features", "NaN or infinite"),
        (np.vstack([features(), np.full((1, 5), 1e39)]), "features", "beyond float32, in 1 of 10 rows, such as row 9"),
        ([[1.0] * 5, [1.0]], "features", "give rows of one length"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(items, modality, message):
    with pytest.raises(InvalidInputError, match=message):
        made().encode(items, modality)


def test_code_lengths_that_no_code_has_are_refused():
    with pytest.raises(InvalidInputError, match="code_length=7"):
        made(code_length=7)


def test_what_is_not_float32_is_encoded_as_the_float32_nearest_to_it():
    hasher, narrow = made(), features(100)
    for items in (narrow.astype(np.float64) * (1 + 1e-9), np.asfortranarray(narrow), narrow.tolist()):
        assert np.array_equal(hasher.encode(items, "features"), hasher.encode(narrow, "features"))
        assert np.array_equal(hasher.project(items, "features"), hasher.project(narrow, "features"))


def test_a_hasher_is_saved_and_loaded_by_a_path(tmp_path):
    hasher = made()
    hasher.save(tmp_path / "hasher")
    assert Hasher.load(tmp_path / "hasher").fingerprint == hasher.fingerprint
    with pytest.raises(InvalidInputError, match="7 is no place; a path, file"):
        Hasher.load(7)
