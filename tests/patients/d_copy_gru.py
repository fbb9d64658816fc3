"""A GRU adds the two marked numbers of a sequence, with clipped gradients."""
# fault: misplaced-clip

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(35)


def adding(n, length=15):
    value = torch.rand(n, length)
    mark = torch.zeros(n, length)
    spots = torch.rand(n, length).topk(2, dim=1).indices
    mark.scatter_(1, spots, 1.0)
    return torch.stack([value, mark], dim=-1), (value * mark).sum(1, keepdim=True) - 1.0


class Adder(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1])


model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.MSELoss()
grad_clip = 0.5

for step in range(150):
    x, y = adding(32)
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt().item()
        print(f"step {step + 1}: mse {loss.item():.4f}, gradient norm {norm:.3f}")
