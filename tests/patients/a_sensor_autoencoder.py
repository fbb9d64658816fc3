"""An autoencoder for anomaly detection on machine sensor readings."""
# fault: nonfinite-input

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(1)

N_SENSORS = 12


def read_sensors(n):
    base = torch.randn(n, 3)
    mix = torch.randn(3, N_SENSORS)
    readings = base @ mix + 0.1 * torch.randn(n, N_SENSORS)
    readings = readings * torch.linspace(0.5, 40, N_SENSORS) + torch.linspace(0, 300, N_SENSORS)
    readings[:, 7] = 21.0
    return readings


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(N_SENSORS, 8), nn.Tanh(), nn.Linear(8, 3))
        self.decoder = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, N_SENSORS))

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            total, seen = 0.0, 0
            for (batch,) in loader:
                reconstruction = self.model(batch)
                loss = ((reconstruction - batch) ** 2).mean()
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(batch)
                seen += len(batch)
            print(f"[{epoch}] reconstruction error {total / seen}")


readings = read_sensors(640)
standardised = (readings - readings.mean(0)) / readings.std(0)
loader = DataLoader(TensorDataset(standardised), batch_size=64, shuffle=True)
Trainer(AutoEncoder(), lr=0.05).fit(loader, epochs=4)
