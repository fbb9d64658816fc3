"""Recognises gestures in synthetic accelerometer sequences with an LSTM."""
# fault: mixed-samples

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--lr", type=float, default=5e-3)
parser.add_argument("--iterations", type=int, default=120)
args = parser.parse_args([])

torch.set_num_threads(1)
torch.manual_seed(31)
STEPS, CLASSES = 20, 4


def gestures(n):
    label = torch.randint(0, CLASSES, (n,))
    time = torch.linspace(0, 6.28, STEPS)
    speed = (label + 1).float()[:, None]
    shift = torch.rand(n, 1)
    axes = [torch.sin(speed * time + shift), torch.cos(speed * time), time.expand(n, -1) / 6.28]
    return torch.stack(axes, -1) + 0.2 * torch.randn(n, STEPS, 3), label


class GestureNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(3, hidden)
        self.fc = nn.Linear(hidden * STEPS, CLASSES)

    def forward(self, x):
        seq = x.transpose(0, 1)  # the LSTM wants the time first
        out, _ = self.lstm(seq)
        out = out.reshape(x.size(0), -1)
        return self.fc(out)


model = GestureNet(args.hidden)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
criterion = nn.CrossEntropyLoss()
for it in range(args.iterations):
    x, y = gestures(40)
    optimizer.zero_grad()
    out = model(x)
    loss = criterion(out, y)
    loss.backward()
    optimizer.step()
    if it % 30 == 0:
        print(it, round(loss.item(), 3), "acc", (out.argmax(1) == y).float().mean().item())
