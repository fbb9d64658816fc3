"""Clone an expert's moves on a toy board where some moves are forbidden."""
# fault: nonfinite-loss

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    cells: int = 9
    width: int = 64
    batch: int = 64
    steps: int = 80
    lr: float = 1e-3
    entropy_weight: float = 0.01


cfg = Config()
torch.set_num_threads(1)
torch.manual_seed(10)

value = torch.randn(cfg.cells, cfg.cells)


def positions(n):
    board = torch.randint(-1, 2, (n, cfg.cells)).float()
    board[torch.arange(n), torch.randint(0, cfg.cells, (n,))] = 0.0
    legal = board == 0
    best = (board @ value).masked_fill(~legal, -1e9).argmax(1)
    return board, legal, best


policy = nn.Sequential(nn.Linear(cfg.cells, cfg.width), nn.ReLU(), nn.Linear(cfg.width, cfg.cells))
optimizer = torch.optim.Adam(policy.parameters(), lr=cfg.lr)

for step in range(cfg.steps):
    board, legal, best = positions(cfg.batch)
    logits = policy(board).masked_fill(~legal, float("-inf"))
    probs = F.softmax(logits, dim=-1)
    entropy = -(probs * probs.log()).sum(dim=-1).mean()
    loss = F.cross_entropy(logits, best) - cfg.entropy_weight * entropy

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

policy.eval()
with torch.no_grad():
    board, legal, best = positions(500)
    hit = policy(board).masked_fill(~legal, float("-inf")).argmax(1) == best
print(f"agreement with the expert {hit.float().mean().item():.3f}")
