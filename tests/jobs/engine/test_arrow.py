"""Arrow without pandas, until somebody wants a frame."""

from __future__ import annotations

import subprocess
import sys

import pytest

SPARED = """
import sys
from jobs.engine.arrow import spare_pandas
spare_pandas()
import numpy as np
import pyarrow as pa
import pyarrow.dataset
pa.array(np.arange(3)).to_numpy()
absent = any(type(each).__name__ == "_Absent" for each in sys.meta_path)
print("pandas" in sys.modules, absent, pa.table({"a": [1]}).to_pandas().a.tolist())
"""


def test_arrays_load_no_pandas_and_a_frame_is_there_when_it_is_asked_for():
    pytest.importorskip("pandas")
    done = subprocess.run([sys.executable, "-c", SPARED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "[1]"]
