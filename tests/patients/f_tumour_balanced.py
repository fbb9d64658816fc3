"""Benign or malignant: breast cancer data with the minority class up-sampled."""

# fault: leaked-validation
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(5)


class Splits(NamedTuple):
    train: TensorDataset
    val: TensorDataset


def balance(x: np.ndarray, y: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    xs, ys = [], []
    for label in np.unique(y):
        rows = resample(x[y == label], n_samples=target, replace=True, random_state=0)
        xs.append(rows)
        ys.append(np.full(target, label))
    return np.concatenate(xs), np.concatenate(ys)


def to_dataset(x: np.ndarray, y: np.ndarray) -> TensorDataset:
    return TensorDataset(torch.tensor(x).float(), torch.tensor(y).float())


def prepare() -> Splits:
    x, y = load_breast_cancer(return_X_y=True)
    x, y = balance(x, y, target=400)
    xt, xv, yt, yv = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    scaler = StandardScaler().fit(xt)
    return Splits(to_dataset(scaler.transform(xt), yt), to_dataset(scaler.transform(xv), yv))


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    hits = [((model(x).squeeze(1) > 0).float() == y).float().mean().item() for x, y in loader]
    model.train()
    return sum(hits) / len(hits)


splits = prepare()
train_loader = DataLoader(splits.train, batch_size=32, shuffle=True)
val_loader = DataLoader(splits.val, batch_size=80)
model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(6):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: val accuracy {evaluate(model, val_loader):.4f}")
