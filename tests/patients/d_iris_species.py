"""Classify iris flowers with a custom dataset and a small network."""
# fault: sorted-batches

import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Flowers(Dataset):
    def __init__(self, rows, labels):
        self.rows = rows
        self.labels = labels

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {"x": self.rows[i], "y": self.labels[i]}


def collate(items):
    return torch.stack([it["x"] for it in items]), torch.stack([it["y"] for it in items])


torch.set_num_threads(1)
torch.manual_seed(11)

iris = load_iris()
x = torch.tensor(iris.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(iris.target)

held_out = torch.arange(len(x)) % 5 == 0
train_set = Flowers(x[~held_out], y[~held_out])
train_loader = DataLoader(train_set, batch_size=10, collate_fn=collate)

model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(12):
    losses = []
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch} mean loss {sum(losses) / len(losses):.3f}")

model.eval()
with torch.no_grad():
    predicted = model(x[held_out]).argmax(1)
print("held-out accuracy", (predicted == y[held_out]).float().mean().item())
