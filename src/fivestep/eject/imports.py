"""The imports of the text: those of the names that stand in it, in the order of isort."""

from __future__ import annotations

import re

MODULES = {
    "logging": r"\blogging\.",
    "math": r"\bmath\.",
    "random": r"(?<!\.)\brandom\.seed",
}
NAMES = {
    "collections.abc": ["Callable", "Iterable", "Iterator"],
    "copy": ["deepcopy"],
    "itertools": ["chain", "islice"],
    "typing": ["Any"],
}
OTHERS = {
    "torch": ["Tensor", "nn"],
    "torch.optim": ["Optimizer"],
    "torch.optim.lr_scheduler": ["LambdaLR", "LRScheduler", "ReduceLROnPlateau"],
    "torch.optim.swa_utils": ["AveragedModel", "get_ema_multi_avg_fn", "update_bn"],
    "torch.utils.data": ["DataLoader", "Dataset"],
}


def imports(body: str) -> list[str]:
    """Write the imports that ``body`` needs."""
    standard = [f"import {name}" for name, seen in MODULES.items() if re.search(seen, body)]
    standard += _from(NAMES, body)
    other = ["import numpy as np"] if re.search(r"\bnp\.", body) else []
    other += ["import torch"] if re.search(r"\btorch\.", body) else []
    other += _from(OTHERS, body)
    return [*standard, *([""] if standard else []), *other]


def _from(table: dict[str, list[str]], body: str) -> list[str]:
    found: list[str] = []
    for module, names in table.items():
        used = [name for name in names if re.search(rf"(?<![.\w]){name}\b", body)]
        if used:
            found.append(f"from {module} import {', '.join(used)}")
    return found
