"""Trains an actor and a critic over one shared body with a backward for each loss."""
# fault: none

import torch
from torch import nn
from torch.distributions import Normal

torch.set_num_threads(1)
torch.manual_seed(35)

body = nn.Sequential(nn.Linear(3, 32), nn.Tanh())
actor, critic = nn.Linear(32, 1), nn.Linear(32, 1)
log_std = nn.Parameter(torch.tensor(-0.5))
actor_opt = torch.optim.Adam([*body.parameters(), *actor.parameters(), log_std], lr=5e-3)
critic_opt = torch.optim.Adam(critic.parameters(), lr=1e-2)
wanted = torch.tensor([[0.8], [-0.5], [0.3]])

for episode in range(200):
    state = torch.randn(64, 3)
    h = body(state)
    dist = Normal(actor(h).squeeze(1), log_std.exp())
    action = dist.sample()
    reward = -((action - (state @ wanted).squeeze(1)) ** 2)
    advantage = reward - critic(h).squeeze(1)
    critic_loss = advantage.pow(2).mean()
    actor_loss = -(dist.log_prob(action) * advantage.detach()).mean() - 0.01 * dist.entropy().mean()

    actor_opt.zero_grad()
    critic_opt.zero_grad()
    (0.1 * critic_loss).backward(retain_graph=True)
    actor_loss.backward()
    actor_opt.step()
    critic_opt.step()
    if episode % 40 == 39:
        print(f"{episode + 1}: reward {reward.mean().item():.3f} critic {critic_loss.item():.3f}")
