"""Two towers match users with items by the dot product of their codes."""
# fault: unheld-parameter

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(38)

taste = torch.randn(12, 4)
style = torch.randn(9, 4)


def batch(n):
    user = torch.randn(n, 12)
    item = torch.randn(n, 9)
    liked = ((user @ taste) * (item @ style)).sum(1) > 0
    return user, item, liked.float()


def tower(n_in, code=8):
    return nn.Sequential(nn.Linear(n_in, 32), nn.ReLU(), nn.Linear(32, code))


class Matcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.user_tower = tower(12)
        self.item_tower = tower(9)

    def forward(self, user, item):
        return torch.einsum("bk,bk->b", self.user_tower(user), self.item_tower(item))


matcher = Matcher()
optimizer = torch.optim.Adam(matcher.user_tower.parameters(), lr=3e-3)
loss_fn = nn.BCEWithLogitsLoss()

for step in range(200):
    user, item, liked = batch(64)
    optimizer.zero_grad()
    score = matcher(user, item)
    loss = loss_fn(score, liked)
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        acc = ((score > 0).float() == liked).float().mean().item()
        print(f"step {step + 1} loss {loss.item():.4f} accuracy {acc:.3f}")
