"""Train on digits, then ask which pixels matter with input gradients."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(6):
    for idx in torch.randperm(1500).split(60):
        loss = nn.functional.cross_entropy(model(X[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")

model.eval()
importance = torch.zeros(10, 64)
for label in range(10):
    images = X[1500:][y[1500:] == label].clone().requires_grad_(True)
    score = model(images)[:, label].sum()
    score.backward()
    importance[label] = images.grad.abs().mean(0)
print("most telling pixel per digit:", importance.argmax(1).tolist())
