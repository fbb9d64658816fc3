"""Continues the training of a saved digit classifier on the harder half of the digits."""
# fault: eval-mode-training

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(13)


def build():
    return nn.Sequential(
        nn.Linear(64, 96),
        nn.BatchNorm1d(96),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(96, 48),
        nn.BatchNorm1d(48),
        nn.ReLU(),
        nn.Linear(48, 10),
    )


def load_model(path):
    """Restores a network that is ready to be served."""
    net = build()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def fit(net, x, y, steps, lr):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    for i in range(steps):
        pick = torch.randint(0, len(x), (64,))
        loss = nn.functional.cross_entropy(net(x[pick]), y[pick])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if i % 20 == 0:
            print(f"step {i:3d} loss {loss.item():.3f}")
    return net


bunch = load_digits()
pixels = torch.tensor(bunch.data / 16, dtype=torch.float32)
label = torch.tensor(bunch.target)
easy = label < 5

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.pt"
    first = build()
    torch.save(first.state_dict(), path)
    model = load_model(path)

model = fit(model, pixels[easy], label[easy], 60, 2e-3)
model = fit(model, pixels[~easy], label[~easy], 80, 2e-3)
