"""Trains a policy with clipped updates to walk along a corridor towards a goal."""
# fault: none

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(3)
LENGTH, WALKERS, HORIZON = 9, 24, 20

policy = nn.Sequential(nn.Linear(LENGTH, 32), nn.Tanh(), nn.Linear(32, 2))
value = nn.Sequential(nn.Linear(LENGTH, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam([*policy.parameters(), *value.parameters()], lr=5e-3)


def see(place):
    return nn.functional.one_hot(place, LENGTH).float()


def rollout():
    place = torch.full((WALKERS,), LENGTH // 2)
    records = []
    for _ in range(HORIZON):
        with torch.no_grad():
            dist = Categorical(logits=policy(see(place)))
        action = dist.sample()
        after = (place + 2 * action - 1).clamp(0, LENGTH - 1)
        reward = (after == LENGTH - 1).float() - 0.05
        records.append((see(place), action, dist.log_prob(action), reward))
        place = torch.where(after == LENGTH - 1, torch.tensor(LENGTH // 2), after)
    obs, act, logp, rew = (torch.stack(t) for t in zip(*records))
    ret, running = torch.zeros_like(rew), torch.zeros(WALKERS)
    for t in reversed(range(HORIZON)):
        running = rew[t] + 0.95 * running
        ret[t] = running
    return obs.flatten(0, 1), act.flatten(), logp.flatten(), ret.flatten(), rew.mean().item()


for iteration in range(15):
    obs, act, old_logp, ret, mean_reward = rollout()
    with torch.no_grad():
        advantage = ret - value(obs).squeeze(1)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    for _ in range(4):
        for idx in torch.randperm(len(obs)).split(120):
            dist = Categorical(logits=policy(obs[idx]))
            ratio = (dist.log_prob(act[idx]) - old_logp[idx]).exp()
            gain = torch.min(ratio * advantage[idx], ratio.clamp(0.8, 1.2) * advantage[idx])
            v_loss = (value(obs[idx]).squeeze(1) - ret[idx]).pow(2).mean()
            loss = -gain.mean() + 0.5 * v_loss - 0.01 * dist.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
            optimizer.step()
    if iteration % 3 == 2:
        print(f"iteration {iteration + 1}: mean reward {mean_reward:.3f} loss {loss.item():.3f}")
