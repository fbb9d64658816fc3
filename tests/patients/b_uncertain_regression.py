"""Heteroscedastic regression: a network for the mean and one for the variance."""
# fault: broadcast-loss
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(11)

x = torch.linspace(-1, 1, 256)
noise = 0.05 + 0.2 * (x > 0).float()
y = torch.sin(3 * x) + noise * torch.randn(256)

loader = DataLoader(TensorDataset(x.unsqueeze(1), y), batch_size=64, shuffle=True)

trunk = torch.nn.Sequential(torch.nn.Linear(1, 48), torch.nn.Tanh(), torch.nn.Linear(48, 48), torch.nn.Tanh())
mean_head = torch.nn.Linear(48, 1)
var_head = torch.nn.Sequential(torch.nn.Linear(48, 1), torch.nn.Softplus())
parameters = [*trunk.parameters(), *mean_head.parameters(), *var_head.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=1e-4)
criterion = torch.nn.GaussianNLLLoss()

for epoch in range(25):
    total, seen = 0.0, 0
    for inputs, targets in loader:
        optimizer.zero_grad()
        features = trunk(inputs)
        mean = mean_head(features)
        var = var_head(features) + 1e-4
        loss = criterion(mean, targets, var)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(targets)
        seen += len(targets)
    if epoch % 5 == 0 or epoch == 24:
        print(f"epoch {epoch:3d}  nll {total / seen:.4f}")

with torch.no_grad():
    features = trunk(x.unsqueeze(1))
    fit = mean_head(features).squeeze(1)
    print("mean squared error", ((fit - y) ** 2).mean().item(), "variance of y", y.var().item())
