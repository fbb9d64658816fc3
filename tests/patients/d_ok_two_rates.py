"""Matrix factorisation with sparse embeddings under one optimizer and a head under another."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(81)

USERS, ITEMS = 60, 40
true_u, true_i = torch.randn(USERS, 3), torch.randn(ITEMS, 3)


def ratings(n):
    u = torch.randint(0, USERS, (n,))
    i = torch.randint(0, ITEMS, (n,))
    return u, i, (true_u[u] * true_i[i]).sum(1) + 0.1 * torch.randn(n)


class Factors(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.user = nn.Embedding(USERS, dim, sparse=True)
        self.item = nn.Embedding(ITEMS, dim, sparse=True)
        self.head = nn.Sequential(nn.Linear(3 * dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, u, i):
        a, b = self.user(u), self.item(i)
        return self.head(torch.cat([a, b, a * b], dim=1)).squeeze(1)


model = Factors()
sparse = torch.optim.SparseAdam([*model.user.parameters(), *model.item.parameters()], lr=2e-2)
dense = torch.optim.AdamW(model.head.parameters(), lr=5e-3)

history = []
for step in range(250):
    u, i, r = ratings(128)
    loss = nn.functional.mse_loss(model(u, i), r)
    for optimizer in (sparse, dense):
        optimizer.zero_grad()
    loss.backward()
    for optimizer in (sparse, dense):
        optimizer.step()
    history.append(loss.item())
    if step % 50 == 49:
        print(f"step {step + 1}: mse {sum(history[-20:]) / 20:.4f}")
