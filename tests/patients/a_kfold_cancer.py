"""Five-fold cross-validation of a small network on the breast cancer data."""
# fault: none

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(7)

X, y = load_breast_cancer(return_X_y=True)


def make_model():
    return nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 1))


def tensors(x, y):
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32).unsqueeze(1)


scores = []
for fold, (train, valid) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)):
    mean, std = X[train].mean(0), X[train].std(0)
    train_set = TensorDataset(*tensors((X[train] - mean) / std, y[train]))
    valid_x, valid_y = tensors((X[valid] - mean) / std, y[valid])
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(4):
        model.train()
        for xb, yb in DataLoader(train_set, batch_size=40, shuffle=True):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(xb), yb)
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        scores.append(((model(valid_x) > 0).float() == valid_y).float().mean().item())
    print(f"fold {fold}: {scores[-1]:.3f}")
print(f"mean {np.mean(scores):.3f} +- {np.std(scores):.3f}")
