"""The package as somebody meets it who types its name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import hashcore


def test_the_names_that_people_call_first_are_there():
    assert set(hashcore.__all__) <= set(dir(hashcore))
    assert hashcore.pack(np.eye(8, dtype=int)[:1]).tolist() == [[1]]
    assert hashcore.unpack(np.array([[1]], np.uint8), 8).tolist() == [[1] + [0] * 7]
    assert hashcore.Hasher.__module__ == "hashcore.hasher" and callable(hashcore.fit)
    assert hashcore.__version__[0].isdigit() or hashcore.__version__ == "unknown"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Hashers'"):
        hashcore.Hashers  # noqa: B018


def test_importing_it_loads_no_torch_and_its_help_names_the_rooms():
    code = "import sys, hashcore; print('torch' in sys.modules, 'pyarrow' in sys.modules); print(hashcore.__doc__)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("False False\n")
    assert all(name in shown for name in ("Hasher.load", "fit(", "hamming", "measures", "classical"))


def test_reading_a_configuration_loads_neither_torch_nor_pillow():
    specs = (
        "losses.spec, hashcore.networks.spec, hashcore.classical.spec, hashcore.training.config, hashcore.inputs.column"
    )
    code = (
        f"import sys, hashcore.{specs}; print(sorted({{'torch', 'PIL', 'pyarrow', 'safetensors'}} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
