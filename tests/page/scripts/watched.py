"""A training that goes on until it is ended, for the tests of what is watched."""

import sys
import time
from pathlib import Path

import torch
from torch import nn

from fivestep import conduct, fit

torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x[:, :1] * 2 + 1
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000


class Slowly(nn.MSELoss):
    """Slow enough to be looked at while it runs."""

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: A002
        time.sleep(0.004)
        return super().forward(input, target)


def no_viewer(journal: Path, *, browser: bool = False) -> str:
    """Stand in for the viewer's process."""
    return ""


if "--no-viewer" in sys.argv:
    conduct.start_viewer = no_viewer
run = fit(
    model, Slowly(), optimizer, (x, y), epochs=epochs, batch_size=16, progress=False,
    validate=(x, y), record=sys.argv[1], page="--bare" not in sys.argv,
)  # fmt: skip
state = {name: value.tolist() for name, value in model.state_dict().items()}
sys.stdout.write(f"{run.reason} {state}\n")
