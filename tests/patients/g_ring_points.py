"""Trains a network to tell the inner ring of points from the outer ring."""
# fault: linear-stack

import torch
from sklearn.datasets import make_circles
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = make_circles(n_samples=600, noise=0.08, factor=0.4, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)


class CircleModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(2, 32)
        self.layer_2 = nn.Linear(32, 32)
        self.layer_3 = nn.Linear(32, 2)

    def forward(self, x):
        return self.layer_3(self.layer_2(self.layer_1(x)))


loader = DataLoader(TensorDataset(X, y), batch_size=50, shuffle=True)
model = CircleModel()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(12):
    model.train()
    hits = 0
    for xb, yb in loader:
        logits = model(xb)
        loss = loss_fn(logits, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (logits.argmax(1) == yb).sum().item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} accuracy {hits / len(X):.3f}")
