"""A contextual bandit by actor-critic: the advantage is detached in the policy's loss."""
# fault: none
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(102)

hidden_rule = torch.randn(6, 4)
actor = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 4))
critic = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
actor_opt = torch.optim.Adam(actor.parameters(), lr=1e-2)
critic_opt = torch.optim.Adam(critic.parameters(), lr=1e-2)
recent = []

for step in range(200):
    context = torch.randn(32, 6)
    policy = Categorical(logits=actor(context))
    action = policy.sample()
    reward = (action == (context @ hidden_rule).argmax(1)).float()
    value = critic(context).squeeze(1)

    critic_loss = (reward - value).pow(2).mean()
    critic_opt.zero_grad()
    critic_loss.backward()
    critic_opt.step()

    advantage = (reward - value).detach()
    actor_loss = -(policy.log_prob(action) * advantage).mean() - 0.01 * policy.entropy().mean()
    actor_opt.zero_grad()
    actor_loss.backward()
    actor_opt.step()
    recent.append(reward.mean().item())
    if step % 40 == 39:
        print(f"step {step + 1} mean reward {sum(recent[-40:]) / 40:.3f}")
