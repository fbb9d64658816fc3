"""Trains a network with one output unit to tell malignant from benign biopsies."""
# fault: single-logit

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(77)

data = load_breast_cancer()
x = torch.as_tensor(data.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.as_tensor(data.target).float().unsqueeze(1)
perm = torch.randperm(len(x))
train, test = perm[:430], perm[430:]


class Biopsy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))

    def forward(self, x):
        return self.net(x)


model = Biopsy()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(6):
    model.train()
    for idx in train[torch.randperm(len(train))].split(43):
        optimizer.zero_grad()
        loss = criterion(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = ((model(x[test]) > 0).float() == y[test]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.4f}, accuracy {acc:.3f}")
