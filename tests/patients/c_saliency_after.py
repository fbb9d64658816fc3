"""A classifier is trained, then asked by gradients which pixels matter."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(105)

digits = load_digits()
x, y = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(5):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.3f}")

model.eval()
heat = torch.zeros(64)
for start in range(1400, 1700, 30):
    images = x[start : start + 30].clone().requires_grad_(True)
    scores = model(images)
    scores.gather(1, y[start : start + 30, None]).sum().backward()
    heat += images.grad.abs().mean(0)
print((heat.view(8, 8) / heat.max()).round(decimals=1))
