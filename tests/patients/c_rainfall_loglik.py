"""Daily rainfall: a network predicts how much falls, with a zero-inflated log loss."""

# fault: nonfinite-gradient
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(11)

N = 1024
weather = torch.randn(N, 6)
amount = torch.relu(weather[:, 0] + 0.5 * weather[:, 1] + 0.3 * torch.randn(N))
split = 896
train_set = TensorDataset(weather[:split], amount[:split])
loader = DataLoader(train_set, batch_size=32, shuffle=True)

net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.RMSprop(net.parameters(), lr=3e-4)


def rain_loss(out, target):
    """Squared error of the logs where both are positive, squared error elsewhere."""
    wet = (target > 0) & (out > 0)
    in_logs = (torch.log(out) - torch.log(target)) ** 2
    plain = (out - target) ** 2
    return torch.where(wet, in_logs, plain).mean()


for epoch in range(3):
    running = 0.0
    for features, mm in loader:
        opt.zero_grad()
        prediction = net(features).squeeze(1)
        loss = rain_loss(prediction, mm)
        loss.backward()
        opt.step()
        running += loss.item()
    print(f"epoch {epoch}: training loss {running / len(loader):.4f}")

with torch.no_grad():
    final = rain_loss(net(weather[split:]).squeeze(1), amount[split:])
print("validation loss", final.item())
