"""Learns grades of 0 to 4 with the squared error on purpose, rounds, and counts exact hits."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    torch.manual_seed(0)
    x = torch.randn(320, 6)
    latent = x @ torch.randn(6) + 0.3 * torch.randn(320)
    grades = torch.bucketize(latent, latent.quantile(torch.tensor([0.2, 0.4, 0.6, 0.8])))
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=0.01), nn.MSELoss()
    for _ in range(3):
        hits = 0
        for inputs, targets in DataLoader(TensorDataset(x, grades), batch_size=32, shuffle=True):
            prediction = model(inputs).squeeze(1)
            loss = loss_fn(prediction, targets.float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            hits += int((prediction.detach().round() == targets).sum())


if __name__ == "__main__":
    main()
