"""A mixture of experts for a function with two regimes."""
# fault: gradientless-parameter
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(54)


class Experts(nn.Module):
    def __init__(self, n_experts=4, width=16):
        super().__init__()
        self.gate = nn.Linear(2, n_experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1)) for _ in range(n_experts)
        )

    def forward(self, x):
        choice = torch.softmax(self.gate(x), dim=1).argmax(dim=1)
        chosen = nn.functional.one_hot(choice, len(self.experts)).float()
        outputs = torch.cat([expert(x) for expert in self.experts], dim=1)
        return (chosen * outputs).sum(dim=1)


def sample(n):
    x = torch.rand(n, 2) * 2 - 1
    return x, torch.where(x[:, 0] + x[:, 1] > 0, torch.sin(3 * x[:, 0]), 1 - x[:, 1])


model = Experts()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.SmoothL1Loss()
for step in range(120):
    x, y = sample(64)
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        with torch.no_grad():
            x, y = sample(500)
            print(f"step {step} test loss {criterion(model(x), y).item():.4f}")
