"""Fits a classifier of breast tumours with a step function and a training loop."""
# fault: repeated-batch

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(21)

raw = load_breast_cancer()
x = torch.tensor(StandardScaler().fit_transform(raw.data), dtype=torch.float32)
y = torch.tensor(raw.target, dtype=torch.float32).unsqueeze(1)
train_loader = DataLoader(TensorDataset(x[:450], y[:450]), batch_size=16, shuffle=True)

batch = next(iter(train_loader))
print("shapes:", [tuple(t.shape) for t in batch])

model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()


def training_step():
    features, target = batch
    optimizer.zero_grad()
    loss = bce(model(features), target)
    loss.backward()
    optimizer.step()
    return loss.item()


for epoch in range(5):
    losses = []
    for minibatch in train_loader:
        losses.append(training_step())
    print(f"epoch {epoch + 1}: train loss {sum(losses) / len(losses):.4f}")

with torch.no_grad():
    held_out = bce(model(x[450:]), y[450:]).item()
print(f"held out: {held_out:.4f}")
