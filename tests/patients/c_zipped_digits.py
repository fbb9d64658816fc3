"""Features and labels come from two loaders that are zipped."""

# fault: flat-loss
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.set_num_threads(1)
torch.manual_seed(36)

digits = load_digits()
features = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
feature_loader = DataLoader(features, batch_size=32, shuffle=True, drop_last=True)
label_loader = DataLoader(labels, batch_size=32, shuffle=True, drop_last=True)

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(7):
    running_loss, running_hits = 0.0, 0
    for x, y in zip(feature_loader, label_loader):
        optimizer.zero_grad()
        logits = model(x)
        loss = criterion(logits, y)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        running_hits += (logits.argmax(1) == y).sum().item()
    n = len(feature_loader)
    print(f"epoch {epoch} loss {running_loss / n:.4f} accuracy {running_hits / n / 32:.3f}")
