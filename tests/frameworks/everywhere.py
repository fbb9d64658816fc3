"""One plain training under each framework: a script for ``fivestep run``."""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module

import torch


def digest(framework: str) -> str:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    seen = import_module(framework).plain()
    return hashlib.sha256(b"".join(one.numpy().tobytes() for one in seen)).hexdigest()


if __name__ == "__main__":
    for framework in sys.argv[1:]:
        sys.stdout.write(f"digest {framework} {digest(framework)}\n")
