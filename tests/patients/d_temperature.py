"""Forecast the anomaly of tomorrow's temperature from the last week."""
# fault: unreachable-target

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(18)

days = torch.arange(900).float()
series = torch.sin(2 * torch.pi * days / 30) + 0.5 * torch.sin(2 * torch.pi * days / 11)
series = series + 0.1 * torch.randn(900)
series = (series - series.mean()) / series.std()
x = series.unfold(0, 7, 1)[:-1].clone()
y = series[7:].clone().unsqueeze(1)

train = DataLoader(TensorDataset(x[:700], y[:700]), batch_size=50, shuffle=True)


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(7, 32)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 1)

    def forward(self, x):
        for layer in (self.fc1, self.fc2, self.fc3):
            x = torch.relu(layer(x))
        return x


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
for epoch in range(10):
    model.train()
    total = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(x[700:]), y[700:]).item()
    print(f"epoch {epoch}: train {total:.4f} val {val:.4f}")
