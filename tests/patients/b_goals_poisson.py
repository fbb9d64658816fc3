"""Count goals of football teams by a Poisson regression."""
# fault: none
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(76)

strength = torch.randn(1000, 4)
rate = torch.exp(0.3 + 0.5 * strength[:, 0] - 0.4 * strength[:, 1] * (strength[:, 2] > 0))
goals = torch.poisson(rate)
loader = DataLoader(TensorDataset(strength[:900], goals[:900]), batch_size=60, shuffle=True)

model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 1), nn.Flatten(0))
criterion = nn.PoissonNLLLoss(log_input=True)
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
for epoch in range(10):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    predicted = model(strength[900:]).exp()
    print("deviation from the true rate", (predicted - rate[900:]).abs().mean().item())
    print("deviation of the mean alone", (rate[:900].mean() - rate[900:]).abs().mean().item())
