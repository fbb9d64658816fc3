"""What every test starts from: one thread and a known state of the random numbers."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import pytest
import torch

# For the programs that tests start: two threads on two busy cores are up to a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # another test may have loaded it


@pytest.fixture(autouse=True)
def known_start() -> None:
    torch.set_num_threads(1)  # sums in one order, so that equal means equal bits
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
