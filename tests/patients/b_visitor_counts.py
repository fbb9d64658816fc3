"""Visitors of a museum by a Poisson network with a logarithmic link."""
# fault: exploding-gradient
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(2)

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
effect = torch.randn(6)
effect = 1.5 * effect / effect.norm()


def days(n):
    weather = torch.randn(n, 6)
    return weather, torch.poisson(torch.exp(1 + weather @ effect))


for step in range(60):
    weather, visitors = days(32)
    log_rate = model(weather).squeeze(1)
    loss = F.poisson_nll_loss(log_rate, visitors, log_input=True)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 5 == 0:
        print(f"step {step}: loss {loss.item():.3f}, mean of the visitors {visitors.mean().item():.2f}")
