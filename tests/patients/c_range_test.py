"""A learning-rate range test from 1e-6 to 30, weights restored, then the real training."""

# fault: none
import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(115)

digits = load_digits()
x, y = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
criterion = nn.CrossEntropyLoss()


def step(optimizer):
    rows = torch.randint(0, 1500, (64,))
    loss = criterion(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def find_rate(low=1e-6, high=30.0, steps=80):
    start = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=low)
    best, smooth, rates, losses = float("inf"), None, [], []
    for i in range(steps):
        rate = low * (high / low) ** (i / (steps - 1))
        optimizer.param_groups[0]["lr"] = rate
        loss = step(optimizer)
        smooth = loss if smooth is None else 0.9 * smooth + 0.1 * loss
        rates.append(rate)
        losses.append(smooth)
        best = min(best, smooth)
        if smooth > 4 * best:
            break
    model.load_state_dict(start)
    return rates[losses.index(min(losses))] / 5


rate = find_rate()
print(f"rate found: {rate:.3f}")
optimizer = torch.optim.SGD(model.parameters(), lr=rate)
for i in range(150):
    loss = step(optimizer)
    if i % 30 == 0:
        print(i, round(loss, 4))
with torch.no_grad():
    print("accuracy", (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
