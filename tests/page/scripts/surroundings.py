"""Writes down all that a script can see of how it was started."""

import gc
import json
import locale
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import torch

seen = {
    "argv": sys.argv,
    "command": sys.orig_argv,
    "path": sys.path,
    "folder": str(Path.cwd()),
    "environment": dict(os.environ),
    "hash": hash("a"),
    "drawn": [random.random(), float(np.random.rand()), float(torch.rand(()))],
    "modules": sorted(sys.modules),
    "main": sorted(vars(sys.modules["__main__"])),
    "is main": __name__,
    "flags": str(sys.flags),
    "warnings": [str(one) for one in warnings.filters],
    "interrupt": getattr(signal.getsignal(signal.SIGINT), "__qualname__", None),
    "terminate": str(signal.getsignal(signal.SIGTERM)),
    "threads": sorted(one.name for one in threading.enumerate()),
    "torch": [torch.get_num_threads(), str(torch.get_default_dtype()), torch.is_grad_enabled()],
    "collector": [gc.isenabled(), gc.get_threshold()],
    "files": [list(os.fstat(number)[:3]) for number in range(3)],
    "parent": os.getppid(),
    "locale": locale.getlocale(),
    "trace": [str(sys.gettrace()), str(sys.getprofile()), sys.getrecursionlimit()],
}
with open(sys.argv[1], "a", encoding="utf-8") as file:  # noqa: PTH123
    print(json.dumps({"process": os.getpid(), "seen": seen}), file=file)
