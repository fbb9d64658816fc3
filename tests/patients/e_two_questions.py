"""Answers two questions about the same input with learned weights of the two losses."""
# fault: unheld-parameter

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(20)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 48), nn.Mish(), nn.Linear(48, 48), nn.Mish())
        self.amount = nn.Linear(48, 1)
        self.kind = nn.Linear(48, 4)

    def forward(self, x):
        h = self.body(x)
        return self.amount(h), self.kind(h)


class UncertaintyWeighting(nn.Module):
    """Weighs losses by a learned log-variance for each task."""

    def __init__(self, tasks):
        super().__init__()
        self.log_var = nn.Parameter(torch.zeros(tasks))

    def forward(self, losses):
        losses = torch.stack(losses)
        return (torch.exp(-self.log_var) * losses + 0.5 * self.log_var).sum()


x = torch.randn(900, 8)
amount = (40 * x[:, :1] * x[:, 1:2] + 5 * torch.randn(900, 1)) / 10
kind = x[:, 2:6].argmax(1)

model = Shared()
weighting = UncertaintyWeighting(2)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(6):
    for idx in torch.randperm(900).split(45):
        guess, logits = model(x[idx])
        first = F.mse_loss(guess, amount[idx])
        second = F.cross_entropy(logits, kind[idx])
        loss = weighting([first, second])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = [round(v, 3) for v in weighting.log_var.tolist()]
    print(f"epoch {epoch}: {first.item():.3f} {second.item():.3f} log-variances {weights}")
