"""Trains an encoder by contrasting two noisy views of each digit, then fits a linear probe."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(17)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


def view(batch: Tensor) -> Tensor:
    kept = (torch.rand_like(batch) > 0.2).float()
    return batch * kept + 0.1 * torch.randn_like(batch)


def nt_xent(a: Tensor, b: Tensor, temperature: float = 0.2) -> Tensor:
    z = F.normalize(torch.cat([a, b]), dim=1)
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(float("-inf"))
    partner = torch.arange(len(z)).roll(len(a))
    return F.cross_entropy(similarity, partner)


encoder = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
projector = nn.Sequential(nn.ReLU(), nn.Linear(32, 16))
optimizer = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=3e-3)
curve = []
for step in range(80):
    rows = torch.randint(0, len(x), (128,))
    loss = nt_xent(projector(encoder(view(x[rows]))), projector(encoder(view(x[rows]))))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    curve.append(loss.item())

encoder.eval().requires_grad_(False)
features = encoder(x)
probe = nn.Linear(32, 10)
probe_optimizer = torch.optim.Adam(probe.parameters(), lr=5e-2)
for step in range(60):
    loss = F.cross_entropy(probe(features[:1400]), y[:1400])
    probe_optimizer.zero_grad()
    loss.backward()
    probe_optimizer.step()
with torch.no_grad():
    accuracy = (probe(features[1400:]).argmax(1) == y[1400:]).float().mean().item()
print(f"contrast {curve[0]:.3f} -> {curve[-1]:.3f}, probe {accuracy:.3f}")
assert curve[-1] < curve[0] and accuracy > 0.7
