"""Predicts the power of a wind turbine with its uncertainty from synthetic weather."""
# fault: broadcast-loss

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(18)


class Weather(Dataset):
    def __init__(self, n):
        self.x = torch.randn(n, 5)
        wind, gust = self.x[:, 0], self.x[:, 1]
        clean = torch.tanh(1.5 * wind) + 0.4 * gust * self.x[:, 2]
        self.y = clean + (0.05 + 0.2 * gust.abs()) * torch.randn(n)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {"weather": self.x[i], "power": self.y[i]}


class Turbine(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(5, 48), nn.GELU(), nn.Linear(48, 48), nn.GELU())
        self.mean = nn.Linear(48, 1)
        self.log_var = nn.Linear(48, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), self.log_var(h).clamp(-6, 4)


def negative_log_likelihood(mean, log_var, target):
    return 0.5 * (log_var + (target - mean).pow(2) * torch.exp(-log_var)).mean()


loader = DataLoader(Weather(1000), batch_size=50, shuffle=True)
model = Turbine()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    for batch in loader:
        mean, log_var = model(batch["weather"])
        loss = negative_log_likelihood(mean, log_var, batch["power"])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch}: nll {loss.item():.3f}, spread of the means {mean.std().item():.4f}")
