"""Synthetic yield curve regression; super-convergence with the one-cycle policy."""

# fault: unstepped-schedule
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

maturity = 30 * torch.rand(1200, 1)
yields = 4 - 2 * torch.exp(-maturity / 5) + 0.5 * torch.sin(maturity / 3)
y = (yields - yields.mean()) / yields.std() + 0.03 * torch.randn_like(yields)
X = maturity / 15 - 1

epochs = 8
loader = DataLoader(TensorDataset(X, y), batch_size=60, shuffle=True)
model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, epochs=epochs, steps_per_epoch=len(loader)
)

for epoch in range(epochs):
    total = 0.0
    for xb, yb in loader:
        loss = nn.functional.mse_loss(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / len(loader):.4f}")
