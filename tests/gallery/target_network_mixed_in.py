"""Learns values with a slow copy: its state is taken, mixed and loaded back in every iteration."""

import copy

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    slow = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(40):
        state, action, reward = torch.randn(32, 4), torch.randint(2, (32, 1)), torch.randn(32, 1)
        with torch.no_grad():
            wanted = reward + 0.9 * slow(torch.randn(32, 4)).max(1, keepdim=True).values
        loss = F.smooth_l1_loss(model(state).gather(1, action), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        old, new = slow.state_dict(), model.state_dict()
        for name in new:
            old[name] = 0.05 * new[name] + 0.95 * old[name]
        slow.load_state_dict(old)


if __name__ == "__main__":
    main()
