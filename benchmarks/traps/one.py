"""One library in a process of its own, since some of them keep global state.

python -m benchmarks.traps.one with_lightning OUT.json
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from .measure import column, save

if __name__ == "__main__":
    name, out = sys.argv[1:]
    torch.set_num_threads(1)
    save(column(name), Path(out))
