"""Trains a small attention classifier whose positions are learned."""

# fault: gradientless-parameter
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(19)


class Positions(nn.Module):
    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(length, width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.table[: tokens.size(1)].data


class FirstSeen(nn.Module):
    """Says which letter stands at the first place of the sequence."""

    def __init__(self, letters: int = 5, length: int = 8, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(letters, width)
        self.positions = Positions(length, width)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.query = nn.Parameter(torch.randn(1, 1, width))
        self.out = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> Tensor:
        h = self.positions(self.embed(ids))
        pooled, _ = self.attend(self.query.expand(len(ids), -1, -1), h, h, need_weights=False)
        return self.out(pooled.squeeze(1))


model = FirstSeen()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(150):
    ids = torch.randint(0, 5, (64, 8))
    loss = nn.functional.cross_entropy(model(ids), ids[:, 0])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0 or step == 149:
        print(f"{step} loss {loss.item():.3f}")
