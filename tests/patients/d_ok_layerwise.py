"""Layers trained one by one, each by its own local loss on detached input."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(75)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)


def overlay(pixels, labels):
    return torch.cat([pixels, F.one_hot(labels, 10).float()], dim=1)


class GoodnessLayer(nn.Module):
    def __init__(self, n_in, n_out, threshold=2.0):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.optimizer = torch.optim.Adam(self.linear.parameters(), lr=1e-2)
        self.threshold = threshold

    def forward(self, x):
        return F.relu(self.linear(x / (x.norm(dim=1, keepdim=True) + 1e-4)))

    def learn(self, positive, negative):
        good = self(positive).square().sum(1)
        bad = self(negative).square().sum(1)
        loss = F.softplus(torch.cat([self.threshold - good, bad - self.threshold])).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            return self(positive), self(negative), loss.item()


layers = [GoodnessLayer(74, 128), GoodnessLayer(128, 128)]
for epoch in range(10):
    for rows in torch.randperm(1400).split(100):
        wrong = (y[rows] + torch.randint(1, 10, (len(rows),))) % 10
        h_pos, h_neg = overlay(x[rows], y[rows]), overlay(x[rows], wrong)
        losses = []
        for layer in layers:
            h_pos, h_neg, value = layer.learn(h_pos, h_neg)
            losses.append(value)
    if epoch % 3 == 0:
        print(f"epoch {epoch}: local losses {[round(v, 3) for v in losses]}")

with torch.no_grad():
    goodness = []
    for label in range(10):
        h, total = overlay(x[1400:], torch.full_like(y[1400:], label)), 0.0
        for layer in layers:
            h = layer(h)
            total = total + h.square().sum(1)
        goodness.append(total)
    accuracy = (torch.stack(goodness, 1).argmax(1) == y[1400:]).float().mean().item()
print(f"test accuracy {accuracy:.3f}")
