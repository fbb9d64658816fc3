"""A GRU forecasts weekly sales; the rate is to fall when validation stalls."""

# fault: unstepped-schedule
import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(23)

weeks = torch.arange(0, 520).float()
sales = torch.sin(weeks * 2 * math.pi / 52) + 0.3 * torch.sin(weeks * 2 * math.pi / 13)
sales = sales + 0.1 * torch.randn(520)
windows = sales.unfold(0, 27, 1)
x, y = windows[:, :26].unsqueeze(-1), windows[:, 26:]
x_train, y_train, x_val, y_val = x[:400], y[:400], x[430:], y[430:]


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 20, batch_first=True)
        self.fc = nn.Linear(20, 1)

    def forward(self, x):
        _, last = self.rnn(x)
        return self.fc(last[-1])


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, mode="min", factor=0.5, patience=3
        )
        self.criterion = nn.L1Loss()

    def train_epoch(self):
        self.model.train()
        for rows in torch.randperm(400).split(40):
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x_train[rows]), y_train[rows])
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def validate(self):
        self.model.eval()
        with torch.no_grad():
            return self.criterion(self.model(x_val), y_val).item()

    def fit(self, epochs):
        for epoch in range(epochs):
            train_loss = self.train_epoch()
            val_loss = self.validate()
            lr = self.optimizer.param_groups[0]["lr"]
            print(f"{epoch}: train {train_loss:.3f} val {val_loss:.3f} lr {lr:.2e}")


Trainer(Forecast(), lr=0.02).fit(12)
