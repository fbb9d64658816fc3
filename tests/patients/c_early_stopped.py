"""Early stopping that works: validation rises for its patience, then the copied best is restored."""

# fault: none
import copy

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(118)

x = torch.randn(500, 12)
y = x[:, :1] - 0.5 * x[:, 1:2] + 0.5 * torch.randn(500, 1)
net = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
best, best_state, patience = float("inf"), None, 0

for epoch in range(60):
    net.train()
    for rows in torch.randperm(150).split(30):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        held = nn.functional.mse_loss(net(x[150:300]), y[150:300]).item()
    if held < best:
        best, best_state, patience = held, copy.deepcopy(net.state_dict()), 0
    else:
        patience += 1
    if patience >= 5:
        print("stopped after epoch", epoch)
        break

net.load_state_dict(best_state)
with torch.no_grad():
    print("validation", best, "test", nn.functional.mse_loss(net(x[300:]), y[300:]).item())
