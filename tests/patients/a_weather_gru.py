"""A GRU that says from a day of pressure and humidity whether it will rain."""
# fault: unscaled-input

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(11)


class Weather(Dataset):
    """24 hourly readings: pressure in pascal, relative humidity in per cent."""

    def __init__(self, n):
        rain = torch.randint(0, 2, (n,))
        drift = torch.where(rain == 1, -35.0, 35.0) + 15 * torch.randn(n)
        hours = torch.arange(24.0)
        pressure = 101_325 + drift[:, None] * hours + 60 * torch.randn(n, 24)
        humidity = 60 + 8 * torch.randn(n, 24)
        self.x = torch.stack([pressure, humidity], dim=2)
        self.y = rain.float()

    def __len__(self):
        return len(self.y)

    def __getitem__(self, index):
        return self.x[index], self.y[index]


class RainModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(input_size=2, hidden_size=32, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1]).squeeze(1)


train_loader = DataLoader(Weather(640), batch_size=64, shuffle=True)
val_loader = DataLoader(Weather(128), batch_size=64)
model = RainModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
bce = nn.BCEWithLogitsLoss()

for epoch in range(6):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad(set_to_none=True)
        loss = bce(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            correct += ((model(x) > 0).float() == y).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, val acc {correct / 128:.2%}")
