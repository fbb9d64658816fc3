"""Trains a policy by REINFORCE on contextual slot machines with a moving baseline."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(4)

policy = nn.Sequential(nn.Linear(5, 24), nn.ReLU(), nn.Linear(24, 4))
optimizer = torch.optim.RMSprop(policy.parameters(), lr=3e-3)
secret = torch.randn(5, 4)
baseline = 0.0

for step in range(200):
    context = torch.randn(64, 5)
    logits = policy(context)
    dist = torch.distributions.Categorical(logits=logits)
    arm = dist.sample()
    payoff = (context @ secret).gather(1, arm[:, None]).squeeze(1) + 0.3 * torch.randn(64)
    loss = -(dist.log_prob(arm) * (payoff - baseline)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    baseline = 0.9 * baseline + 0.1 * payoff.mean().item()
    if step % 40 == 39:
        print(f"{step + 1}: baseline {baseline:.3f} loss {loss.item():.3f}")
