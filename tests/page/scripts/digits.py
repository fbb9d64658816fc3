"""A small loop on made-up digits, written by hand: with a fault that the doctor names."""

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    torch.manual_seed(0)
    images = torch.randn(96, 16)
    labels = images[:, :4].argmax(dim=1)
    loader = DataLoader(TensorDataset(images, labels), batch_size=16)
    model = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Dropout(0.1), nn.Linear(12, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

    for _epoch in range(5):
        for x, y in loader:
            optimizer.zero_grad()
            probabilities = functional.softmax(model(x), dim=1)
            loss = functional.cross_entropy(probabilities, y)
            loss.backward()
            optimizer.step()
        schedule.step()


if __name__ == "__main__":
    main()
