"""A soft mixture of experts predicts the progression of diabetes."""
# fault: unregistered-module

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def expert(n_in, width):
    return nn.Sequential(nn.Linear(n_in, width), nn.SiLU(), nn.Linear(width, 1))


class Mixture(nn.Module):
    def __init__(self, n_in, n_experts=4, width=16):
        super().__init__()
        self.gate = nn.Linear(n_in, n_experts)
        self.experts = [expert(n_in, width) for _ in range(n_experts)]

    def forward(self, x):
        weights = self.gate(x).softmax(dim=-1)
        outputs = torch.cat([e(x) for e in self.experts], dim=-1)
        return (weights * outputs).sum(dim=-1)


torch.set_num_threads(1)
torch.manual_seed(1)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()
loader = DataLoader(TensorDataset(x[:350], y[:350]), batch_size=32, shuffle=True)

model = Mixture(10)
n_params = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(f"training {n_params} parameters")
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(15):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x[350:]), y[350:]).item()
        print(f"epoch {epoch + 1}: train mse {total / 350:.4f}  val mse {val:.4f}")
