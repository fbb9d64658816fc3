"""PPO in a small corridor: rollouts without gradient, several epochs on each."""
# fault: none
import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(82)
CELLS, WALKERS, HORIZON = 7, 16, 16


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Embedding(CELLS, 16), nn.Tanh())
        self.pi, self.v = nn.Linear(16, 2), nn.Linear(16, 1)

    def forward(self, cell):
        h = self.body(cell)
        return Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


model = ActorCritic()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, eps=1e-5)
cell = torch.full((WALKERS,), CELLS // 2)
for update in range(20):
    cells, actions, log_probs, rewards, values, dones = [], [], [], [], [], []
    with torch.no_grad():
        for _ in range(HORIZON):
            policy, value = model(cell)
            action = policy.sample()
            after = (cell + 2 * action - 1).clamp(0, CELLS - 1)
            done = (after == 0) | (after == CELLS - 1)
            for kept, new in zip(
                (cells, actions, log_probs, rewards, values, dones),
                (cell, action, policy.log_prob(action), (after == CELLS - 1).float(), value, done.float()),
            ):
                kept.append(new)
            cell = torch.where(done, torch.full_like(cell, CELLS // 2), after)
        following = model(cell)[1]
        advantages, gae = [], torch.zeros(WALKERS)
        for t in reversed(range(HORIZON)):
            delta = rewards[t] + 0.95 * following * (1 - dones[t]) - values[t]
            gae = delta + 0.95 * 0.9 * (1 - dones[t]) * gae
            advantages.insert(0, gae)
            following = values[t]
    b_cells, b_actions, b_logp = (torch.cat(v) for v in (cells, actions, log_probs))
    b_adv, b_ret = torch.cat(advantages), torch.cat(advantages) + torch.cat(values)
    for _ in range(3):
        for rows in torch.randperm(len(b_cells)).split(64):
            policy, value = model(b_cells[rows])
            ratio = (policy.log_prob(b_actions[rows]) - b_logp[rows]).exp()
            adv = (b_adv[rows] - b_adv[rows].mean()) / (b_adv[rows].std() + 1e-8)
            actor = -torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean()
            loss = actor + 0.5 * (value - b_ret[rows]).pow(2).mean() - 0.01 * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
    if update % 5 == 0 or update == 19:
        print(f"update {update} reward per step {torch.stack(rewards).mean().item():.3f}")
