"""Classifies the three cultivars of scikit-learn's wine table with a small network."""
# fault: unscaled-input

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn


@dataclass
class Config:
    hidden: int = 48
    lr: float = 0.02
    momentum: float = 0.9
    batch: int = 16
    epochs: int = 20
    seed: int = 11


cfg = Config()
torch.set_num_threads(1)
torch.manual_seed(cfg.seed)

wine = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    wine.data, wine.target, test_size=0.3, random_state=cfg.seed, stratify=wine.target
)
x_train, x_test = (torch.tensor(a, dtype=torch.float32) for a in (x_train, x_test))
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

model = nn.Sequential(nn.Linear(13, cfg.hidden), nn.Tanh(), nn.Linear(cfg.hidden, 3))
opt = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)

for epoch in range(cfg.epochs):
    order = torch.randperm(len(x_train))
    for idx in order.split(cfg.batch):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            acc = (model(x_test).argmax(1) == y_test).float().mean().item()
        print(f"{epoch + 1:3d}  loss {loss.item():.3f}  test acc {acc:.3f}")
