"""A program that trains with checkpoints, to be killed: python killed.py FOLDER CONFIG."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import fivestep
from fivestep import Checkpoint, fit


def configuration(name: str, folder: Path) -> dict[str, Any]:
    often = Checkpoint(folder / "saved", every="1 update")
    return {
        "plain": {"checkpoint": often},
        "default": {"checkpoint": folder / "saved"},
        "workers": {"checkpoint": folder / "saved"},
        "all": {
            "checkpoint": often,
            "accumulate": 2,
            "average": 0.9,
            "precision": "bfloat16",
            "schedule": fivestep.cosine(warmup="3 updates"),
            "validate_every": "3 updates",
            "log_every": "1 update",
        },
        "deadline": {"checkpoint": folder / "saved", "max_minutes": 0.005},
    }[name]


def main(folder: Path, name: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    inputs = torch.randn(60, 6)
    data = inputs, inputs.sum(1, keepdim=True)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)

    def slow(prediction: Any, targets: Any) -> Any:
        sys.stdout.write("iteration\n")
        sys.stdout.flush()
        if (folder / "slow").exists():
            time.sleep(float((folder / "slow").read_text()))
        return nn.functional.mse_loss(prediction, targets)

    train: Any = data
    if name == "workers":
        dataset = TensorDataset(*data)
        train = DataLoader(dataset, batch_size=9, shuffle=True, num_workers=2)
    run = fit(
        model, slow, optimizer, train, epochs=6, validate=data, watch=False,
        batch_size=None if name == "workers" else 9,
        record=folder / "record.jsonl", progress=False, **configuration(name, folder),
    )  # fmt: skip
    left_out = ("seconds", "samples_per_second")
    history = [{k: v for k, v in entry.items() if k not in left_out} for entry in run.history]
    (folder / "history.json").write_text(json.dumps([run.reason, history]))
    torch.save(model.state_dict(), folder / "weights.pt")
    sys.exit(run.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
