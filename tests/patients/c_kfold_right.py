"""Cross-validation with a fresh network and a fresh optimizer in each fold."""

# fault: none
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from torch import nn, optim

torch.set_num_threads(1)
torch.manual_seed(117)

X, y = load_breast_cancer(return_X_y=True)


def run_fold(train, test):
    mean, std = X[train].mean(0), X[train].std(0)
    xt = torch.tensor((X - mean) / std, dtype=torch.float32)
    yt = torch.tensor(y, dtype=torch.float32)
    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    net.train()
    for _ in range(4):
        for rows in torch.tensor(np.random.default_rng(0).permutation(train)).split(64):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(
                net(xt[rows]).squeeze(-1), yt[rows]
            )
            loss.backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        return ((net(xt[test]).squeeze(-1) > 0) == (yt[test] > 0.5)).float().mean().item()


folds = StratifiedKFold(4, shuffle=True, random_state=0).split(X, y)
scores = [run_fold(train, test) for train, test in folds]
print([round(s, 3) for s in scores])
