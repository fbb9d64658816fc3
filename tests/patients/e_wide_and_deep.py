"""Trains a wide and deep network on a synthetic score of users and items."""
# fault: vanishing-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(30)

x = torch.randn(1200, 12)
score = x[:, :4].sum(1) * 0.5 + torch.sin(2 * x[:, 4]) * x[:, 5] + (x[:, 6] * x[:, 7]).tanh()
score = ((score - score.mean()) / score.std()).unsqueeze(1)


class WideAndDeep(nn.Module):
    def __init__(self, features=12, width=24, depth=9):
        super().__init__()
        self.wide = nn.Linear(features, 1)
        layers, size = [], features
        for _ in range(depth):
            layers += [nn.Linear(size, width), nn.Sigmoid()]
            size = width
        self.deep = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, x):
        return self.wide(x) + self.deep(x)


model = WideAndDeep()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_fn = nn.MSELoss()

for epoch in range(8):
    total = 0.0
    for idx in torch.randperm(1200).split(50):
        optimizer.zero_grad()
        loss = loss_fn(model(x[idx]), score[idx])
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: mse {total / 24:.4f}")
for layer in model.deep:
    if isinstance(layer, nn.Linear):
        print(f"{layer.weight.grad.norm().item():.1e}", end=" ")
print()
