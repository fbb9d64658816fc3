"""Gradient accumulation that divides the loss and uses the last, shorter window too."""
# fault: none
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(84)
ACCUMULATE = 4

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
for epoch in range(3):
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        window_start = i - i % ACCUMULATE
        window = min(ACCUMULATE, len(loader) - window_start)
        loss = criterion(model(xb), yb) / window
        loss.backward()
        if (i + 1) % ACCUMULATE == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        print("epoch", epoch, "accuracy", (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
