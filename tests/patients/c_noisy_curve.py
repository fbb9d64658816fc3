"""A curve through a few noisy points."""

# fault: overfitting
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(54)


def sample(n):
    x = torch.rand(n, 1) * 2 - 1
    return x, torch.sin(3 * x) + 0.4 * torch.randn(n, 1)


class Fourier(nn.Module):
    def __init__(self, waves=40):
        super().__init__()
        self.register_buffer("frequency", torch.randn(1, waves) * 25)
        self.net = nn.Sequential(nn.Linear(2 * waves, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x):
        angle = x @ self.frequency
        return self.net(torch.cat([angle.sin(), angle.cos()], 1))


def validate(model, loader):
    model.eval()
    with torch.no_grad():
        losses = [F.mse_loss(model(x), y).item() for x, y in loader]
    model.train()
    return sum(losses) / len(losses)


train_loader = DataLoader(TensorDataset(*sample(40)), batch_size=20, shuffle=True)
valid_loader = DataLoader(TensorDataset(*sample(200)), batch_size=100)
model = Fourier()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)

for epoch in range(150):
    for x, y in train_loader:
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    held = validate(model, valid_loader)
    if epoch % 15 == 0:
        print(f"epoch {epoch} train {loss.item():.4f} valid {held:.4f}")
