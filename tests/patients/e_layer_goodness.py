"""Trains digits layer by layer with the forward-forward rule, each layer on its own loss."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(30)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)


def with_label(pixels, label):
    return torch.cat([pixels, 2 * F.one_hot(label, 10).float()], 1)


class GoodLayer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.optimizer = torch.optim.Adam(self.linear.parameters(), lr=5e-3)

    def forward(self, h):
        h = h / (h.pow(2).mean(1, keepdim=True).sqrt() + 1e-4)
        return torch.relu(self.linear(h))

    def learn(self, good, bad, threshold=1.0):
        g, b = self(good), self(bad)
        goodness = torch.cat([threshold - g.pow(2).mean(1), b.pow(2).mean(1) - threshold])
        loss = F.softplus(goodness).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return g.detach(), b.detach(), loss.item()


layers = [GoodLayer(74, 120), GoodLayer(120, 120)]
for step in range(250):
    idx = torch.randint(0, 1400, (100,))
    wrong = (y[idx] + torch.randint(1, 10, (100,))) % 10
    good, bad = with_label(x[idx], y[idx]), with_label(x[idx], wrong)
    losses = []
    for layer in layers:
        good, bad, value = layer.learn(good, bad)
        losses.append(value)
    if step % 50 == 49:
        print(step + 1, [round(v, 4) for v in losses])

with torch.no_grad():
    scores = []
    for label in range(10):
        h, total = with_label(x[1400:], torch.full((len(x) - 1400,), label)), 0
        for layer in layers:
            h = layer(h)
            total = total + h.pow(2).mean(1)
        scores.append(total)
print("accuracy", (torch.stack(scores, 1).argmax(1) == y[1400:]).float().mean().item())
