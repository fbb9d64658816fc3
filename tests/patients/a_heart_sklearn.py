"""A batch-normalised network for a two-class table, scored with scikit-learn."""
# fault: train-mode-evaluation

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
torch.manual_seed(45)

X, y = make_classification(n_samples=500, n_features=14, n_informative=7, flip_y=0.1, random_state=4)
X_train, X_test, y_train, y_test = train_test_split(X.astype(np.float32), y.astype(np.float32), random_state=0)
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_test = torch.tensor((X_train - mean) / std), torch.tensor((X_test - mean) / std)
y_train = torch.tensor(y_train).reshape(-1, 1)

net = nn.Sequential(
    nn.Linear(14, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1), nn.Sigmoid()
)
optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
bce = nn.BCELoss()
for epoch in range(10):
    for rows in torch.randperm(len(X_train)).split(25):
        optimizer.zero_grad()
        loss = bce(net(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

with torch.no_grad():
    probability = net(X_test).numpy().ravel()
print(f"accuracy {accuracy_score(y_test, probability > 0.5):.3f}, AUC {roc_auc_score(y_test, probability):.3f}")
