"""Curve fitting with L-BFGS and one full batch that a loader hands out."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(9)

x = torch.linspace(-1, 1, 100, dtype=torch.float64).unsqueeze(1)
y = torch.exp(-4 * x**2) + 0.02 * torch.randn_like(x)
loader = DataLoader(TensorDataset(x, y), batch_size=len(x))
model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1)).double()
optimizer = torch.optim.LBFGS(
    model.parameters(), lr=0.5, max_iter=10, line_search_fn="strong_wolfe"
)

for epoch in range(8):
    for inputs, targets in loader:

        def closure():
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            return loss

        loss = optimizer.step(closure)
    print(f"epoch {epoch}: {loss.item():.6f}")
