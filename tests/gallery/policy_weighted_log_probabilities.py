"""Trains a policy with nll_loss on log-probabilities weighted by an advantage of either sign."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    actor = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(actor.parameters(), lr=0.01)
    for _ in range(40):
        state = torch.randn(32, 4)
        logits = actor(state)
        action = torch.distributions.Categorical(logits=logits).sample()
        advantage = (action == state[:, :3].argmax(1)).float() - 0.4
        loss = F.nll_loss(F.log_softmax(logits, dim=1) * advantage.unsqueeze(1), action)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
