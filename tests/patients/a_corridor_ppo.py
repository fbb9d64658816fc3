"""PPO on a corridor: rollouts under no_grad with the policy in train mode."""
# fault: none

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(16)

LENGTH, ENVS, HORIZON = 8, 16, 24


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(LENGTH, 32), nn.Tanh())
        self.policy, self.value = nn.Linear(32, 2), nn.Linear(32, 1)

    def forward(self, state):
        h = self.body(nn.functional.one_hot(state, LENGTH).float())
        return Categorical(logits=self.policy(h)), self.value(h).squeeze(-1)


def step(state, action):
    state = (state + action * 2 - 1).clamp(0, LENGTH - 1)
    done = state == LENGTH - 1
    return torch.where(done, 0, state), done.float() - 0.01


def rollout(model, state):
    rows = []
    for _ in range(HORIZON):
        with torch.no_grad():
            policy, value = model(state)
            action = policy.sample()
            logp = policy.log_prob(action)
        following, reward = step(state, action)
        rows.append((state, action, logp, value, reward, (reward > 0).float()))
        state = following
    return [torch.stack(column) for column in zip(*rows, strict=True)], state


model = ActorCritic()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
state = torch.zeros(ENVS, dtype=torch.long)
for iteration in range(15):
    (states, actions, old_logp, values, rewards, dones), state = rollout(model, state)
    with torch.no_grad():
        running = model(state)[1]
    returns = torch.zeros_like(rewards)
    for t in reversed(range(HORIZON)):
        running = rewards[t] + 0.95 * running * (1 - dones[t])
        returns[t] = running
    advantage = returns - values
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    flat = [t.flatten() for t in (states, actions, old_logp, returns, advantage)]
    for _ in range(4):
        for rows in torch.randperm(ENVS * HORIZON).split(128):
            s, a, lp, r, adv = (t[rows] for t in flat)
            policy, value = model(s)
            ratio = (policy.log_prob(a) - lp).exp()
            clipped = torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean()
            loss = -clipped + 0.5 * (value - r).pow(2).mean() - 0.01 * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
    if iteration % 5 == 4:
        print(f"iteration {iteration + 1}: mean reward {rewards.mean().item():.4f}")
