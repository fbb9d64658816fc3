"""Trains a classifier of irises and follows its validation loss."""
# fault: evaluation-graph

import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
torch.set_num_threads(1)

X, y = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.3, random_state=1, stratify=y)


def make_loader(X, y, shuffle):
    tensors = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
    return DataLoader(tensors, batch_size=15, shuffle=shuffle)


train_loader = make_loader(X_train, y_train, True)
val_loader = make_loader(X_val, y_val, False)

model = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(12):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()

    model.eval()
    val_loss = 0.0
    correct = 0
    for xb, yb in val_loader:
        output = model(xb)
        val_loss += criterion(output, yb).item()
        correct += (output.argmax(1) == yb).sum().item()
    print(
        f"epoch {epoch:2d} val loss {val_loss / len(val_loader):.4f} acc {correct / len(y_val):.3f}"
    )
