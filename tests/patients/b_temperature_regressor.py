"""Predict standardised temperatures from weather readings."""
# fault: unreachable-target
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(24)

weather = torch.randn(600, 5)
temperature = 2.0 * weather[:, 0] - weather[:, 1] * weather[:, 2] + 0.3 * torch.randn(600)
temperature = (temperature - temperature.mean()) / temperature.std()


class WeatherNet(nn.Module):
    def __init__(self, sizes=(5, 48, 48, 1)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return x.squeeze(-1)


train = DataLoader(TensorDataset(weather[:500], temperature[:500]), batch_size=50, shuffle=True)
net = WeatherNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
mse = nn.MSELoss()
for epoch in range(12):
    net.train()
    train_loss = 0.0
    for x, y in train:
        optimizer.zero_grad()
        loss = mse(net(x), y)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(x)
    net.eval()
    with torch.no_grad():
        val_loss = mse(net(weather[500:]), temperature[500:]).item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1:2d}: train {train_loss / 500:.3f}, validation {val_loss:.3f}")
