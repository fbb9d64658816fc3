"""One library in a process of its own.

python -m benchmarks.resume_traps.one with_lightning OUT.json
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch._dynamo  # pyright: ignore[reportUnusedImport]  # once for all lives

from .measure import columns, save

if __name__ == "__main__":
    name, out, *traps = sys.argv[1:]
    torch.set_num_threads(1)
    save(columns(name, traps), Path(out))
