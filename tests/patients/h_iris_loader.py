"""Trains an iris classifier on the sepals in mini-batches and watches the accuracy on all the flowers."""

# fault: repeated-batch
import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(2)

iris = load_iris()
X = torch.tensor(iris.data[:, :2], dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(iris.target)
loader = DataLoader(TensorDataset(X, y), batch_size=10, shuffle=True)

inputs, labels = next(iter(loader))
print("one batch:", inputs.shape, labels.shape)

model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(10):
    for batch_x, batch_y in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        acc = (model(X).argmax(1) == y).float().mean()
    print("epoch", epoch, "loss", loss.item(), "accuracy", acc.item())
