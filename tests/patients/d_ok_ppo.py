"""Clipped policy optimisation on a contextual bandit, several epochs per rollout."""
# fault: none

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(68)

CONTEXT, ARMS = 6, 4
payoff = torch.randn(CONTEXT, ARMS)


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(CONTEXT, 32), nn.Tanh(), nn.Linear(32, ARMS))
        self.critic = nn.Sequential(nn.Linear(CONTEXT, 32), nn.Tanh(), nn.Linear(32, 1))

    def act(self, context):
        dist = Categorical(logits=self.actor(context))
        action = dist.sample()
        return action, dist.log_prob(action), self.critic(context).squeeze(-1)

    def evaluate(self, context, action):
        dist = Categorical(logits=self.actor(context))
        return dist.log_prob(action), dist.entropy(), self.critic(context).squeeze(-1)


agent = ActorCritic()
optimizer = torch.optim.Adam(agent.parameters(), lr=5e-3)

for update in range(20):
    context = torch.randn(200, CONTEXT)
    with torch.no_grad():
        action, old_log_prob, value = agent.act(context)
        reward = (context @ payoff).gather(1, action.unsqueeze(1)).squeeze(1)
        advantage = reward - value
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    for _ in range(4):
        for rows in torch.randperm(200).split(50):
            log_prob, entropy, v = agent.evaluate(context[rows], action[rows])
            ratio = (log_prob - old_log_prob[rows]).exp()
            gain = torch.minimum(ratio * advantage[rows], ratio.clamp(0.8, 1.2) * advantage[rows])
            loss = -gain.mean() + 0.5 * (v - reward[rows]).square().mean()
            loss = loss - 0.005 * entropy.mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    if update % 5 == 4:
        print(f"update {update + 1}: mean reward {reward.mean().item():.3f}")
