"""Trains a tumour classifier on a balanced table and reports its validation accuracy."""
# fault: leaked-validation

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.utils import resample
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(8)

x, y = load_breast_cancer(return_X_y=True)
x = (x - x.mean(0)) / x.std(0)
malignant, benign = np.where(y == 0)[0], np.where(y == 1)[0]
more = resample(malignant, n_samples=3 * len(benign), replace=True, random_state=8)
rows = np.concatenate([more, resample(benign, n_samples=3 * len(benign), random_state=9)])

dataset = TensorDataset(
    torch.tensor(x[rows], dtype=torch.float32), torch.tensor(y[rows], dtype=torch.long)
)
n_val = len(dataset) // 5
train_set, val_set = random_split(dataset, [len(dataset) - n_val, n_val])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
val_loader = DataLoader(val_set, batch_size=128)

model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(6):
    model.train()
    for features, label in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(features), label)
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for features, label in val_loader:
            correct += (model(features).argmax(1) == label).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, val accuracy {correct / n_val:.4f}")
