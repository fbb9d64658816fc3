"""Sparse embeddings and a dense head, each with its own optimizer, the head's rate held at 0 at first."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(124)

USERS, ITEMS = 50, 40
hidden_user, hidden_item = torch.randn(USERS, 2), torch.randn(ITEMS, 2)


class TwoTower(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(USERS, 8, sparse=True)
        self.item = nn.Embedding(ITEMS, 8, sparse=True)
        self.mix = nn.Linear(8, 1)

    def forward(self, u, i):
        return self.mix(self.user(u) * self.item(i)).squeeze(1)


model = TwoTower()
embeddings = torch.optim.SparseAdam([*model.user.parameters(), *model.item.parameters()], lr=0.05)
head = torch.optim.SGD(model.mix.parameters(), lr=0.0, momentum=0.9)

for epoch in range(8):
    if epoch == 2:
        head.param_groups[0]["lr"] = 0.05
    total = 0.0
    for _ in range(25):
        u, i = torch.randint(0, USERS, (64,)), torch.randint(0, ITEMS, (64,))
        liked = ((hidden_user[u] * hidden_item[i]).sum(1) > 0).float()
        loss = nn.functional.binary_cross_entropy_with_logits(model(u, i), liked)
        embeddings.zero_grad()
        head.zero_grad()
        loss.backward()
        embeddings.step()
        head.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / 25:.3f}")
