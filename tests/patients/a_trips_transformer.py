"""A transformer that predicts a trip's duration from its way points."""
# fault: mixed-samples

import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(16)


class Trips(Dataset):
    def __init__(self, n, points=15):
        steps = 0.3 * torch.randn(n, points, 2)
        self.path = torch.cumsum(steps, 1)
        self.duration = steps.norm(dim=2).sum(1, keepdim=True) - 5.6

    def __len__(self):
        return len(self.path)

    def __getitem__(self, i):
        return self.path[i], self.duration[i]


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=64):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        table = torch.zeros(max_len, d_model)
        table[:, 0::2], table[:, 1::2] = torch.sin(position * div), torch.cos(position * div)
        self.register_buffer("table", table)

    def forward(self, x):
        return x + self.table[: x.size(1)]


class TripModel(nn.Module):
    def __init__(self, d_model=24):
        super().__init__()
        self.project = nn.Linear(2, d_model)
        self.position = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead=4, dim_feedforward=48, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
        self.decoder = nn.Linear(d_model, 1)

    def forward(self, path):
        h = self.encoder(self.position(self.project(path)))
        return self.decoder(h.mean(dim=1))


loader = DataLoader(Trips(600), batch_size=40, shuffle=True)
model = TripModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(5):
    losses = []
    for path, duration in loader:
        loss = nn.functional.mse_loss(model(path), duration)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch + 1}: {sum(losses) / len(losses):.4f}")
