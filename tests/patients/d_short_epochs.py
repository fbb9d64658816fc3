"""Diabetes progression with accumulated gradients and a small loader."""
# fault: leftover-gradient

import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--accumulate", type=int, default=6)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--epochs", type=int, default=12)
args = parser.parse_args([])

torch.set_num_threads(1)
torch.manual_seed(27)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
train = DataLoader(TensorDataset(x[:352], y[:352]), batch_size=args.batch, shuffle=True)

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(args.epochs):
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for i, (xb, yb) in enumerate(train, start=1):
        loss = nn.functional.mse_loss(model(xb), yb) / args.accumulate
        loss.backward()
        total += loss.item() * args.accumulate / len(train)
        if i % args.accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x[352:]), y[352:]).item()
        print(f"epoch {epoch + 1} train {total:.4f} val {val:.4f}")
