"""Fraud detection on rare positives, balanced by oversampling."""
# fault: leaked-validation

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(8)
rng = np.random.default_rng(8)


def transactions(n=1500, rate=0.04):
    fraud = rng.random(n) < rate
    x = rng.normal(0, 1, (n, 10)) + fraud[:, None] * rng.normal(0.4, 0.1, 10)
    return x.astype(np.float32), fraud.astype(np.int64)


def oversample(x, y):
    positives = np.flatnonzero(y == 1)
    extra = rng.choice(positives, size=(y == 0).sum() - len(positives))
    return np.concatenate([x, x[extra]]), np.concatenate([y, y[extra]])


x, y = transactions()
x, y = oversample(x, y)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
x_train, x_val, y_train, y_val = map(torch.from_numpy, (x_train, x_val, y_train, y_val))
print(f"{len(x_train)} for training, {len(x_val)} for validation")


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(10, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 2)
        )

    def forward(self, x):
        return self.net(x)


net = Detector()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    for rows in torch.randperm(len(x_train)).split(64):
        loss = nn.functional.cross_entropy(net(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        predicted = net(x_val).argmax(1)
    recall = (predicted[y_val == 1] == 1).float().mean()
    precision = (y_val[predicted == 1] == 1).float().mean()
    print(f"epoch {epoch}: validation recall {recall:.3f} precision {precision:.3f}")
