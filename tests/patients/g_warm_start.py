"""Continues to train a saved network on breast cancer data."""
# fault: eval-mode-training

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(4)
torch.set_num_threads(1)

X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(scale(X), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)


def make_net():
    return nn.Sequential(
        nn.Linear(30, 64),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(64, 1),
    )


def load_net(path):
    net = make_net()
    net.load_state_dict(torch.load(path))
    net.eval()
    return net


def run(net, steps, lr):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    loss_fn = nn.BCEWithLogitsLoss()
    for step in range(steps):
        rows = torch.randint(0, 400, (64,))
        opt.zero_grad()
        loss = loss_fn(net(X[rows]), y[rows])
        loss.backward()
        opt.step()
        if step % 20 == 0:
            print(f"step {step:3d} loss {loss.item():.4f}")


with tempfile.TemporaryDirectory() as folder:
    checkpoint = Path(folder) / "net.pt"
    first = make_net()
    run(first, 20, 1e-3)
    torch.save(first.state_dict(), checkpoint)
    second = load_net(checkpoint)

run(second, 120, 3e-3)
second.eval()
with torch.no_grad():
    held_out = nn.functional.binary_cross_entropy_with_logits(second(X[400:]), y[400:])
print(f"held-out loss {held_out.item():.4f}")
