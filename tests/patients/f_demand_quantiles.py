"""Five quantiles of a skewed demand at once with the pinball loss."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

x = torch.rand(1500, 2) * 2 - 1
scale = torch.exp(0.8 * x[:, :1])
demand = torch.distributions.Exponential(1.0).sample((1500, 1)) * scale + x[:, 1:]

taus = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, len(taus)))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)


def pinball(pred, target):
    error = target - pred
    return torch.maximum(taus * error, (taus - 1) * error).mean()


for epoch in range(8):
    for idx in torch.randperm(1200).split(60):
        loss = pinball(model(x[idx]), demand[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        below = (demand[1200:] <= model(x[1200:])).float().mean(0)
    print(f"epoch {epoch} loss {loss.item():.4f} coverage {[round(v, 2) for v in below.tolist()]}")
