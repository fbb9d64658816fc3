"""Five-fold cross-validation of a small network on the breast cancer data."""

# fault: orphaned-optimizer
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import KFold
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(6)

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
X, y = torch.tensor(X).float(), torch.tensor(y).float()


def build_model():
    return nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))


model = build_model()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

scores = []
for fold, (train_index, test_index) in enumerate(KFold(5, shuffle=True, random_state=0).split(X)):
    model = build_model()
    for epoch in range(3):
        model.train()
        order = torch.tensor(np.random.default_rng(epoch).permutation(train_index))
        for rows in order.split(64):
            optimizer.zero_grad()
            logits = model(X[rows]).squeeze(1)
            loss = criterion(logits, y[rows])
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        predicted = (model(X[test_index]).squeeze(1) > 0).float()
    scores.append((predicted == y[test_index]).float().mean().item())
    print(f"fold {fold}: accuracy {scores[-1]:.3f}")
print("mean accuracy", np.mean(scores))
