"""Trains a policy for a contextual bandit in which some arms are closed."""
# fault: nonfinite-loss

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Round:
    context: Tensor
    is_open: Tensor
    best: Tensor


class Bandit:
    def __init__(self, arms: int, dim: int) -> None:
        self.arms, self.dim = arms, dim
        self.centres = torch.randn(arms, dim)

    def deal(self, n: int, closing: bool) -> Round:
        context = torch.randn(n, self.dim)
        is_open = torch.ones(n, self.arms, dtype=torch.bool)
        if closing:
            is_open[torch.arange(n), torch.randint(0, self.arms, (n,))] = False
        value = (context @ self.centres.T).masked_fill(~is_open, -torch.inf)
        return Round(context, is_open, value.argmax(1))


def policy(net: nn.Module, deal: Round) -> Tensor:
    return net(deal.context).masked_fill(~deal.is_open, -torch.inf).softmax(-1)


def entropy(probabilities: Tensor) -> Tensor:
    return -(probabilities * probabilities.log()).sum(-1).mean()


def update(net: nn.Module, optimizer: torch.optim.Optimizer, deal: Round) -> tuple[float, float]:
    probabilities = policy(net, deal)
    actions = torch.multinomial(probabilities.detach().nan_to_num(1.0), 1).squeeze(1)
    reward = (actions == deal.best).float()
    chosen = probabilities.gather(1, actions[:, None]).squeeze(1)
    objective = (chosen.log() * (reward - reward.mean())).mean()
    loss = -objective - 0.01 * entropy(probabilities)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item(), reward.mean().item()


torch.manual_seed(18)
torch.set_num_threads(1)
bandit = Bandit(arms=5, dim=6)
net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 5))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for i in range(150):
    loss, reward = update(net, optimizer, bandit.deal(128, closing=i >= 75))
    if i % 15 == 0:
        print(f"round {i:3d} loss {loss:.4f} reward {reward:.3f}")
