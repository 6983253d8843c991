"""A corpus to train on, and torch's threads as they were."""

from __future__ import annotations

import pytest
import torch
from training_corpus import columns, write


@pytest.fixture(autouse=True)
def restored_threads():
    """The job sets torch's threads for its whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, columns())
    return tmp_path
