"""Regresses the progression of diabetes with a normalised network in double precision."""
# fault: collapsed-output

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(14)

x, y = load_diabetes(return_X_y=True)
x, y = torch.tensor(x), torch.tensor(y)[:, None]
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()
loader = DataLoader(TensorDataset(x[:340], y[:340]), batch_size=34, shuffle=True)


def layer(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs))


model = nn.Sequential(layer(10, 32), nn.SiLU(), layer(32, 16), nn.SiLU(), layer(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)

for epoch in range(12):
    model.train()
    total = 0.0
    for features, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(features), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        pred = model(x[340:])
        r2 = 1 - ((pred - y[340:]) ** 2).mean() / y[340:].var(unbiased=False)
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: train {total / len(loader):.4f}  r2 {r2.item():.3f}")
