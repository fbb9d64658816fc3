"""Trains a small GELU network on synthetic chemistry with a polynomial schedule."""
# fault: early-schedule

import torch
from torch import nn
from torch.optim.lr_scheduler import PolynomialLR

torch.set_num_threads(1)
torch.manual_seed(46)

STEPS = 150
conc = torch.rand(800, 6)
rate = conc[:, 0] * conc[:, 1] / (0.2 + conc[:, 2]) - conc[:, 3] ** 2
rate = ((rate - rate.mean()) / rate.std()).unsqueeze(1)
conc = (conc - 0.5) / 0.29

net = nn.Sequential(nn.Linear(6, 40), nn.GELU(), nn.Linear(40, 40), nn.GELU(), nn.Linear(40, 1))
optimizer = torch.optim.NAdam(net.parameters(), lr=4e-3)
scheduler = PolynomialLR(optimizer, total_iters=STEPS, power=1.0)

for step in range(STEPS):
    idx = torch.randint(0, 800, (40,))
    scheduler.step()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(conc[idx]), rate[idx])
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"{step:4d} rate {optimizer.param_groups[0]['lr']:.5f} loss {loss.item():.4f}")
