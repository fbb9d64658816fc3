"""Classify digits from one-hot targets with a dropout network."""
# fault: swapped-arguments
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(6)

digits = load_digits()
X = torch.from_numpy(digits.data).float() / 16
T = F.one_hot(torch.from_numpy(digits.target).long(), 10).float()
split = 1400


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 64)
        self.dropout = nn.Dropout(0.1)
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        return self.output(self.dropout(torch.relu(self.hidden(x))))


def batches(x, t, size):
    for idx in torch.randperm(len(x)).split(size):
        yield x[idx], t[idx]


net = DigitNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(4):
    net.train()
    for xb, tb in batches(X[:split], T[:split], 70):
        out = net(xb)
        loss = criterion(tb, out)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        acc = (net(X[split:]).argmax(1) == T[split:].argmax(1)).float().mean().item()
    print(f"epoch {epoch + 1}, loss {loss.item():.4f}, validation accuracy {acc:.3f}")
